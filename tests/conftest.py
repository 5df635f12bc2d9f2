"""Shared test set-up: threads, default scope, what an environment without
detection leaves out, a browser, and where real data lies."""
import functools
import gc
import os
import shutil
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import config
from mmengine.config import utils as config_utils
from yapf.yapflib import yapf_api

from mmfusion.utils import DetectionMissing, require_detection

ROOT = Path(__file__).resolve().parents[1]

# One thread a process: several processes with several threads each slow one
# another down many times. Processes that a test starts inherit the first.
os.environ['OMP_NUM_THREADS'] = '1'
cv2.setNumThreads(1)
torch.set_num_threads(1)
# Formatting a config takes seconds, and every training does it.
yapf_api.FormatCode = lambda text, **kwargs: (text, False)
config.FormatCode = yapf_api.FormatCode  # mmengine asks one or the other
# All metafiles of a package are read for each config of its that is named.
config_utils.load = functools.cache(config_utils.load)


def pytest_collection_modifyitems(config, items):
    """Without detection on purpose (``make test DETECTION=0``), its tests
    are deselected. Where it is only missing, they fail."""
    if not os.environ.get('MMFUSION_WITHOUT_DETECTION'):
        return
    left_out = [item for item in items if item.get_closest_marker('detection')]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def pytest_runtest_setup(item):
    if item.get_closest_marker('detection'):
        try:
            require_detection()
        except DetectionMissing as error:
            pytest.fail(
                f'{error}\nTo leave these tests out: make test DETECTION=0',
                pytrace=False)


@pytest.fixture(autouse=True, scope='module')
def _cheap_collections():
    """mmengine collects garbage for every data set it reads, and then looks
    at all that was ever imported; what stands here is left out."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _mmfusion_scope():
    """Build every type from mmfusion's registries, as its configs do."""
    from mmengine.registry import DefaultScope, init_default_scope
    init_default_scope('mmfusion')
    yield
    DefaultScope._instance_dict.clear()
    torch.set_num_threads(1)  # a tool may have been told otherwise


@pytest.fixture(scope='session')
def converter():
    """The module of ``tools/model_converters/convert.py``."""
    import convert
    return convert


def _folder(variable: str, default: Path) -> Path:
    path = Path(os.environ.get(variable, default))
    if not path.is_dir() or not any(path.glob('*/')):
        pytest.skip(f'nothing there: set {variable} to its folder')
    return path


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Folder of real pairs (``MMFUSION_DATA``)."""
    return _folder('MMFUSION_DATA', ROOT / 'data')


@pytest.fixture(scope='session')
def published_weights() -> Path:
    """Folder of authors' checkpoints (``MMFUSION_WEIGHTS``)."""
    return _folder('MMFUSION_WEIGHTS', ROOT / 'data' / 'weights')


@pytest.fixture(scope='session')
def oracle() -> Path:
    """Folder of published images (``MMFUSION_ORACLE``)."""
    return _folder('MMFUSION_ORACLE', ROOT / 'data' / 'oracle')


@pytest.fixture(scope='module')
def browser():
    """Headless Chromium, or what ``MMFUSION_BROWSER`` names."""
    path = os.environ.get('MMFUSION_BROWSER') or next(
        filter(
            None,
            map(shutil.which,
                ('chromium', 'chromium-browser', 'google-chrome'))), None)
    if path is None:
        pytest.skip('no browser: install chromium or set MMFUSION_BROWSER')
    from playwright.sync_api import sync_playwright
    with sync_playwright() as play:
        # A fresh profile is playwright's own doing.
        started = play.chromium.launch(
            executable_path=path, args=[
                '--headless', '--no-sandbox', '--disable-gpu',
                '--disable-quic', '--no-first-run',
                '--disable-background-networking',
                '--disable-component-update', '--disable-sync'
            ])
        yield started
        started.close()
