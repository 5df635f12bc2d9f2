"""The page in headless Chromium, as a user has it."""
import socket

import cv2
import numpy as np
import pytest

from mmfusion.web.fusing import PageModel
from mmfusion.web.page import FusionPage
from mmfusion.web.uploads import UploadLimits
from tests.support.pictures import keep_screenshot

MODELS = [
    PageModel('default'),
    PageModel('mmfusion::fuser_segmenters/psfusion_segformer.py'
              '@synthetic,variant:visible'),  # a segmentor behind a rule
]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('page')


@pytest.fixture(scope='module')
def address(folder):
    """A served page that has called no one."""
    called = []
    connect = socket.socket.connect

    def watched(self, address):
        called.append(address)
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, 'connect', watched)
        page = FusionPage(MODELS, folder / 'served',
                          UploadLimits(megabytes=1, megapixels=2))
        served, url = page.launch()
        yield url
        served.close()
    hosts = {address[0] for address in called if isinstance(address, tuple)}
    assert hosts <= {'127.0.0.1', '::1', 'localhost'}


@pytest.fixture(scope='module')
def page(browser, address):
    """The loaded page; it must ask no other server for anything."""
    requests = []
    page = browser.new_page(viewport=dict(width=1100, height=1000))
    page.set_default_timeout(20000)
    page.on('request', lambda request: requests.append(request.url))
    page.goto(address)
    page.wait_for_selector('#fuse')
    yield page
    page.close()
    assert [
        url for url in requests
        if not url.startswith((address, 'data:', 'blob:'))
    ] == []


def drop(page, role, path):
    if page.is_visible(f'#{role} [aria-label=Clear]'):
        page.click(f'#{role} [aria-label=Clear]')
    page.set_input_files(f'#{role} input[type=file]', str(path))


def drop_images(page, folder, **sizes):
    """Grey images of these (height, width)."""
    for role, size in sizes.items():
        path = folder / f'{role}_{size[1]}.png'
        cv2.imwrite(str(path),
                    np.arange(np.prod(size), dtype=np.uint8).reshape(size))
        before = page.get_attribute(f'#{role}-shown img', 'src') \
            if page.is_visible(f'#{role}-shown img') else None
        drop(page, role, path)
        page.wait_for_selector(f'#{role}-shown img:not([src="{before}"])')


def write(path, content):
    path.write_bytes(content)
    return path


def test_loopback_by_default(address):
    assert address.startswith('http://127.0.0.1:')


def test_an_example_is_fused_and_compared(page, folder):
    page.click('.gallery-item, table tbody tr')
    page.wait_for_selector('#infrared-shown img')
    page.click('#fuse')
    page.wait_for_selector('#result')
    scores = page.inner_text('#scores')
    assert 'Qabf ↑' in scores and 'MSE ↓' in scores and '640x480' in scores
    page.wait_for_selector('#slider img')
    before = page.get_attribute('#slider img', 'src')
    page.click('#beside >> text=infrared')
    page.wait_for_selector(f'#slider img:not([src="{before}"])')
    assert 'FusionInferencer' in page.inner_text('#lines')
    with page.expect_download() as download:
        page.click('#image')
    fused = cv2.imread(str(download.value.path()))
    assert fused.shape == (480, 640, 3)
    picture = keep_screenshot(page, 'web_page', folder, whole=True)
    assert picture.shape[1] == 1100 and picture.std() > 20


def test_two_files_and_a_segmentation(page, folder):
    drop_images(page, folder, visible=(96, 128), infrared=(96, 128))
    page.click('#model input')
    page.click('ul[role=listbox] >> text=segformer')
    page.click('#fuse')
    page.wait_for_selector('#overlay img')
    assert '128x96' in page.inner_text('#scores')


def test_bad_uploads_get_a_message(page, folder):
    page.click('#visible [aria-label=Clear]')
    page.wait_for_selector('#visible input[type=file]', state='attached')
    page.click('#fuse')
    page.wait_for_selector('#message >> text=no visible one')
    drop(page, 'visible', write(folder / 'notes.png', b'no image'))
    page.wait_for_selector('#message >> text=notes.png, which is none')
    drop(page, 'visible', write(folder / 'nothing.png', b''))
    page.wait_for_selector('#message >> text=nothing.png has 0 bytes')
    drop_images(page, folder, visible=(40, 50), infrared=(40, 60))
    page.click('#fuse')
    page.wait_for_selector("#message >> text='infrared_60.png' is 60x40")
    assert page.is_hidden('#result')


def test_too_large_uploads_get_a_message(page, folder):
    drop(page, 'visible', write(folder / 'large.png', bytes(1_500_000)))
    page.wait_for_selector('text=/maximum allowed size/')
    wide = cv2.imencode('.png', np.zeros((1500, 2000), np.uint8))[1].tobytes()
    drop(page, 'infrared', write(folder / 'wide.png', wide))
    page.wait_for_selector('#message >> text=at most 2 megapixels')
