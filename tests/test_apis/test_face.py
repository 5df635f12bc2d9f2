"""What ``mmfusion.apis`` offers, called from Python."""
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmfusion import apis
from mmfusion.apis.pairs import PairReader, inference_pipeline, match_folders
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from tests.support import tiny_project


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def rule(tmp_path):
    """A config of a fusion rule, and pairs of which one is broken."""
    tiny_project.write_pairs(tmp_path)
    content = (tmp_path / 'vis' / '001.png').read_bytes()
    (tmp_path / 'vis' / '001.png').write_bytes(content[:99])
    return Config(
        dict(default_scope='mmfusion',
             model=dict(type='ImageFuser',
                        fuser=dict(type='AverageFuser')))), tmp_path


def test_names_come_without_torch():
    code = ('import sys\n'
            'from mmfusion import apis\n'
            'assert set(apis.__all__) <= set(dir(apis))\n'
            'apis.list_models()\n'
            'print("torch" in sys.modules)\n'
            'print(all(callable(getattr(apis, n)) for n in apis.__all__))\n')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True,
                          text=True, check=True)
    assert done.stdout.split() == ['False', 'True']
    with pytest.raises(AttributeError, match='publish'):
        apis.publish  # noqa: B018
    assert not apis.test.__test__


def test_models_are_listed():
    every = apis.list_models()
    assert 'fusers/psfusion_msrs.py' in every and every == sorted(every)
    assert not [name for name in every if name.startswith('_base_')]
    some = apis.list_models('fusers/psfusion*')
    assert some and set(some) < set(every)
    assert all(name.startswith('fusers/psfusion') for name in some)
    assert apis.load_config(some[0]).model


def test_train_test_and_fuse(tmp_path):
    configs = tiny_project.make_project(tmp_path)
    DefaultScope.get_instance('mmfusion', scope_name='mmfusion')
    cfg = apis.load_config(configs / 'stage2.py')
    before = cfg.to_dict()
    runner = apis.train(
        cfg, tmp_path / 'w', two_stage={'visualizer.name': 'first'},
        cfg_options={
            'randomness.seed': 0,
            'visualizer.name': 'second'
        })
    assert runner.iter == 2 and cfg.to_dict() == before
    assert (tmp_path / 'stage1' / 'iter_2.pth').is_file()
    checkpoint = tmp_path / 'w' / 'iter_2.pth'
    metrics = apis.test(cfg, checkpoint, tmp_path / 't', eval='mIoU',
                        out_dir=tmp_path / 'maps')
    assert 0 <= metrics['mIoU'] <= 100
    saved, = (tmp_path / 't').glob('eval_*.json')
    assert json.loads(saved.read_text())['metric'] == metrics
    assert len(names(tmp_path / 'maps')) == 3
    done = apis.fuse(cfg, checkpoint, out_dir=tmp_path / 'out', device='cpu',
                     grey=True)
    assert names(tmp_path / 'out') == ['000.png', '001.png', '002.png']
    assert list(done.samples) == ['000', '001', '002']
    assert not done.failures and not done.unmatched
    with pytest.raises(TypeError, match='gray'):
        apis.fuse(cfg, checkpoint, gray=True)


def test_a_bad_pair_is_named_and_the_others_are_fused(rule):
    cfg, root = rule
    (root / 'ir' / '002.png').rename(root / 'ir' / '003.png')
    done = apis.fuse(cfg, vis=root / 'vis', ir=root / 'ir',
                     out_dir=root / 'out', device='cpu')
    assert names(root / 'out') == ['000.png'] and list(done.samples) == ['000']
    (name, reason), = done.failures
    assert name == '001' and 'truncated' in reason
    assert done.unmatched == [
        str(root / 'vis' / '002.png'),
        str(root / 'ir' / '003.png')
    ]
    with pytest.raises(UsageError, match='vis and ir'):
        apis.fuse(cfg, vis=root / 'vis')


class Sulky(torch.nn.Module):
    """Refuses pairs that are too dark."""

    def __call__(self, pairs):
        means = [pair.item['inputs'].float().mean().item() for pair in pairs]
        if min(means) < 1:
            raise RuntimeError('too  dark')
        assert not torch.is_grad_enabled()
        return [len(pairs) for _ in pairs]


def test_one_pair_that_cannot_be_fused_spoils_no_batch(tmp_path):
    tiny_project.write_pairs(tmp_path, 5)
    for kind, channels in dict(vis=(3, ), ir=()).items():
        dark = np.zeros((*tiny_project.SIZE, *channels), np.uint8)
        cv2.imwrite(str(tmp_path / kind / '001.png'), dark)
    (tmp_path / 'ir' / '003.png').write_bytes(b'')
    pairs, _ = match_folders(tmp_path / 'vis', tmp_path / 'ir')
    reader = PairReader(pairs, inference_pipeline(None))
    done = list(reader.run(Sulky(), batch_size=3))
    assert [pair.name for pair in done] == [f'{i:03d}' for i in range(5)]
    # the first three apart, since one of them failed; the last alone
    assert [pair.result for pair in done] == [1, None, 1, None, 1]
    assert done[1].failure == ('001', 'too dark')
    assert done[3].item is None and '003.png' in done[3].failure[1]
    assert [pair.failure for pair in done[::2]] == [None] * 3
    assert [
        pair.result for pair in reader.run(Sulky(), batch_size=5)
        if pair.index == 0
    ] == [1]


def test_the_inferencer_raises_what_the_model_raised(tmp_path, monkeypatch):
    tiny_project.write_pairs(tmp_path)
    model = MODELS.build(
        dict(type='ImageFuser', fuser=dict(type='AverageFuser')))
    fuse = apis.FusionInferencer(model)

    def fail(data):
        raise MemoryError('all gone')

    monkeypatch.setattr(model, 'test_step', fail)
    with pytest.raises(MemoryError, match='all gone'):
        fuse(tmp_path / 'vis', tmp_path / 'ir')
    text = apis.TextOptions(text_features='a.npz')
    with pytest.raises(FileNotFoundError, match='b.npz'):
        apis.FusionInferencer(model, text=text, text_features='b.npz')
    with pytest.raises(TypeError, match='caption_file'):
        apis.FusionInferencer(model, caption_file='b.txt')
