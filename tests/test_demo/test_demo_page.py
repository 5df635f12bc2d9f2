"""The demo's page, from small made-up results; the single-pair tool."""
import json
import re

import cv2
import figures
import image_demo
import make_readme_picture
import make_weights_pictures
import numpy as np
import page
import pytest
import torch
from mmengine.config import Config
from steps import Step

from mmfusion.registry import MODELS
from mmfusion.utils.errors import printable
from tests.support.image_files import NAMES

SIZE = (20, 30)


@pytest.fixture
def folder(tmp_path):
    """Two validation pairs; the joint run is right, the others are not."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, SIZE, dtype=np.uint8)
    truth[0] = 255

    def write(path, image):
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)

    noise = rng.integers(0, 255, SIZE + (3, ), dtype=np.uint8)
    for stem in ('a', 'b'):
        write(tmp_path / 'data/val/vis' / f'{stem}.jpg', noise)
        write(tmp_path / 'data/val/ir' / f'{stem}.png', noise[..., 0])
        write(tmp_path / 'data/val/label' / f'{stem}.png', truth)
        for run in ('stage1', 'joint'):
            write(tmp_path / run / 'fused' / f'{stem}.png', noise)
    for run in ('stage1', *page.RUNS):
        write(tmp_path / run / 'curves.png', noise)
    for number, run in enumerate(page.RUNS):
        guess = np.where(truth == 255, 0, truth)
        if run != 'joint':
            guess[:, :8 + number] = 0
        for stem in ('a', 'b'):
            write(tmp_path / run / 'labels' / f'{stem}.png', guess)
        valid = truth != 255
        iou = [((guess == k) & (truth == k))[valid].sum() /
               ((guess == k) | (truth == k))[valid].sum() * 100
               for k in range(3)]
        report = tmp_path / run / 'score' / 'eval_1.json'
        report.parent.mkdir(parents=True)
        report.write_text(
            json.dumps(dict(metric=dict(mIoU=round(float(np.mean(iou)), 2)))))
        scalars = tmp_path / run / '2026' / 'vis_data' / 'scalars.json'
        scalars.parent.mkdir(parents=True)
        scalars.write_text(''.join(
            json.dumps({
                'segmentor.decode.loss_ce': 1 / step,
                'step': step
            }) + '\n' for step in (10, 20, 30)) +
                           json.dumps(dict(mIoU=30.0, step=30)) + '\n')
    return tmp_path


def test_page_is_complete_and_self_contained(folder):
    step = Step('s', 'A <step>', ('tools/x.py', ), [])
    records = dict(s=dict(command='python tools/x.py --a "<b>"', seconds=6))
    target = page.write_page(folder, [step], records, 'synthetic')
    text = target.read_text()
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert 'http' not in text.replace('http-equiv', '')
    assert '$' not in re.sub(r'base64,[^"]+', '', text)
    assert 'A &lt;step&gt;' in text and '&lt;b&gt;' in text
    assert 'Joint fusion reaches 100.0 mIoU' in text and 'above' in text
    assert text.count('<b>100.0</b>') == 4  # mIoU and three classes
    assert text.count('<svg') == 2 and text.count('<details>') == 5
    # Two pairs of nine pictures, five curves, one legend.
    assert text.count('<img') == 2 * 9 + 5 + 1
    assert not list(folder.glob('.*part'))


def test_page_of_one_training(folder):
    step = Step('s', 'A step', ('tools/x.py', ), [])
    records = dict(s=dict(command='python tools/x.py', seconds=6), other={})
    target = page.write_page(folder, [step], records, 'synthetic',
                             dict(joint=page.RUNS['joint']))
    text = target.read_text()
    assert 'ARGS=--full' in text and 'Only what it looks at' not in text
    assert text.count('<img') == 2 * 6 + 2 + 1


def test_first_look(folder):
    for kind, source in dict(vis='data/val/vis', ir='data/val/ir',
                             fused='joint/fused').items():
        place = folder / 'first' / (kind
                                    if kind == 'fused' else f'data/val/{kind}')
        place.parent.mkdir(parents=True, exist_ok=True)
        (folder / source).rename(place)
    text = page.write_first_look(folder).read_text()
    assert text.count('<img') == 2 * 3
    assert not re.search(r'(src|href)="(?!data:)', text)


@pytest.mark.parametrize('name', [NAMES['tags'], NAMES['no UTF-8']])
def test_names_are_text(folder, browser, name):
    for path in list(folder.rglob('a.*')):
        path.rename(path.with_name(name + path.suffix))
    step = Step('s', name, ('tools/x.py', ), [])
    records = dict(s=dict(command=f'python {name}', seconds=6))
    target = page.write_page(folder, [step], records, 'synthetic')
    view = browser.new_page()
    trouble = []
    view.on('dialog', lambda dialog: trouble.append(dialog.message))
    view.on('console', lambda message: trouble.append(message.text))
    view.goto(target.as_uri())
    shown = name if name.isascii() else printable(name)
    assert shown in view.eval_on_selector_all(
        'h3', 'all => all.map(part => part.textContent)')
    cells = view.eval_on_selector_all(
        '.commands td', 'all => all.map(part => part.textContent)')
    assert cells[:2] == [shown, f'python {shown}']
    assert view.locator('img[src=x], [onload]').count() == 0
    view.close()
    assert trouble == []


def test_scores_are_per_class_and_checked(folder):
    labels = folder / 'data/val/label'
    scores = figures.read_scores(folder, 'joint', labels)
    assert scores['IoU'][:3] == [100, 100, 100]
    assert np.isnan(scores['IoU'][3:]).all()
    report = folder / 'joint' / 'score' / 'eval_1.json'
    report.write_text(json.dumps(dict(metric=dict(mIoU=12.0))))
    with pytest.raises(ValueError, match='12.0 of joint'):
        figures.read_scores(folder, 'joint', labels)
    report.unlink()
    with pytest.raises(FileNotFoundError, match='--eval mIoU'):
        figures.read_scores(folder, 'joint', labels)


def test_summary_is_honest_about_a_loss():
    scores = {
        run: dict(mIoU=value) for run, value in dict(
            visible=30., infrared=20., frozen=25., joint=28.5).items()
    }
    text = page.summary(scores)
    assert '1.5 points below' in text and '(visible, 30.0)' in text


def test_missing_results_are_named(folder):
    (folder / 'joint' / 'fused' / 'a.png').unlink()
    with pytest.raises(FileNotFoundError, match='a.* in .*fused'):
        page.panel(folder, 'a')
    with pytest.raises(FileNotFoundError, match='z.png'):
        page.read_labels(folder, 'z')


def test_chart_of_nothing_is_nothing():
    assert figures.line_chart('t', dict(a=[])) == ''
    assert '<polyline' in figures.line_chart('t', dict(a=[(1, 2), (2, 2)]))


@pytest.fixture
def trained(tmp_path):
    """Config and checkpoint of a fuser of a few weights."""
    fuser = dict(type='TransFuser6', stem_channels=4, channels=(4, ) * 4,
                 heads=(1, ) * 4)
    model = dict(type='ImageFuser', fuser=fuser)
    config = tmp_path / 'tiny.py'
    Config(dict(model=model, default_scope='mmfusion')).dump(config)
    torch.manual_seed(0)
    weights = MODELS.build(model).state_dict()
    torch.save(dict(state_dict=weights, meta={}), tmp_path / 'tiny.pth')
    return str(config), str(tmp_path / 'tiny.pth')


def test_image_demo(folder, trained, tmp_path, capsys):
    out = tmp_path / 'out' / 'fused.png'
    image_demo.main([
        str(folder / 'data/val/vis/a.jpg'),
        str(folder / 'data/val/ir/a.png'), *trained, '--out',
        str(out), '--panel',
        str(tmp_path / 'panels'), '--device', 'cpu'
    ])
    assert cv2.imread(str(out)).shape == SIZE + (3, )
    assert f'wrote {out}' in capsys.readouterr().out
    assert len(list((tmp_path / 'panels').iterdir())) == 1


def test_readme_picture(trained, tmp_path):
    out = tmp_path / 'pair.jpg'
    make_readme_picture.main([
        '--config', trained[0], '--checkpoint', trained[1], '--width', '600',
        '--out',
        str(out)
    ])
    assert cv2.imread(str(out)).shape[1] == 600


def test_pictures_of_the_weights_in_the_box(tmp_path, monkeypatch):
    monkeypatch.setattr(make_weights_pictures, 'SIZE', (160, 192))
    make_weights_pictures.main(['--out-dir', str(tmp_path)])
    for name in ('good', 'spoilt'):
        picture = cv2.imread(str(tmp_path / f'weights_{name}.jpg'))
        assert picture.shape[1] == 960 and picture.std() > 20
