"""The weights in the box: whole, described, and fitting their configs."""
import hashlib
import re

import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer, init_model
from mmfusion.utils.box_weights import FOLDER, box_weights, list_box_weights
from mmfusion.utils.checkpoint import (DamagedCheckpoint, read_checkpoint,
                                       safetensors_meta, write_safetensors)
from mmfusion.utils.errors import UsageError

NAMES = list_box_weights()


def test_names_and_sizes():
    assert {'default', 'default_student', 'default_tasks'} <= set(NAMES)
    assert sum(box_weights(name).stat().st_size for name in NAMES) <= 8 * 2**20
    assert box_weights('default.safetensors') == box_weights('default')
    with pytest.raises(UsageError, match="Did you mean 'default'"):
        box_weights('defualt')


@pytest.mark.parametrize('name', NAMES)
def test_fits_its_config_and_card(name):
    path = box_weights(name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest in (FOLDER / f'{name}.md').read_text(encoding='utf-8')
    meta = safetensors_meta(path)
    assert meta['config'] == f'fusers/{name}.py'
    assert meta['license'] == 'Apache-2.0' and meta['data'] and meta['seed']
    rng = np.random.default_rng(0)
    vis, ir = rng.integers(0, 256, (2, 40, 52), np.uint8)
    for task in (None, 'mef') if name == 'default_tasks' else (None, ):
        fuse = FusionInferencer(f'mmfusion::{meta["config"]}', path,
                                cfg_options=task and {'model.task': task})
        fused = fuse(np.dstack((vis, vis, vis)),
                     np.dstack((ir, ir, ir)) if task else ir)['fused']
        assert fused.shape == (40, 52, 3) and fused.std() > 5


def test_weights_of_another_model():
    with pytest.raises(UsageError, match='another model'):
        init_model('mmfusion::fusers/default_student.py',
                   box_weights('default'))


def test_a_flipped_bit_is_told(tmp_path):
    path = tmp_path / 'a.safetensors'
    state = dict(a=torch.arange(6.).view(2, 3).T, b=torch.ones(1))
    write_safetensors(path, state, dict(config='c'))
    assert safetensors_meta(path)['config'] == 'c'
    for key, value in read_checkpoint(path).items():
        assert torch.equal(value, state[key])
    content = path.read_bytes()
    for damaged in (content[:-1] + bytes([content[-1] ^ 1]), content[:-3], b'',
                    b'\xff' * 64):
        path.write_bytes(damaged)
        with pytest.raises(DamagedCheckpoint, match='Fetch it again'):
            read_checkpoint(path)


def test_cards_tell_what_a_reader_needs():
    for name in NAMES:
        text = (FOLDER / f'{name}.md').read_text(encoding='utf-8')
        for heading in ('Data', 'Training', 'Scores', 'Weaknesses'):
            assert re.search(f'^## {heading}', text, re.M), (name, heading)
        assert f'tools/train.py configs/fusers/{name}.py' in text
