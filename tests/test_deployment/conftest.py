"""Small models, exported once."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DefaultScope

from mmfusion.apis.inferencer import init_model
from mmfusion.deployment import export_model
from tests.support import tiny_project
from tests.support.deployment_cases import randomize


@pytest.fixture(scope='session')
def exported(tmp_path_factory):
    """A tiny FuserSegmenter: its config, weights, model and full files."""
    root = tmp_path_factory.mktemp('exported')
    configs = tiny_project.make_project(root)
    DefaultScope.get_instance('mmfusion', scope_name='mmfusion')
    # two of SegFormer's four stages: what tracing costs grows with them
    options = {
        'model.fuser':
        dict(_delete_=True, type='MMDRFuseTeacher', channels=(8, 16)),
        'model.segmentor.backbone':
        dict(num_stages=2, num_layers=[1, 1], num_heads=[1, 1],
             patch_sizes=[7, 3], strides=[4, 2], sr_ratios=[8, 4],
             out_indices=(0, 1)),
        'model.segmentor.decode_head':
        dict(in_channels=[8, 8], in_index=[0, 1]),
    }
    torch.manual_seed(0)
    model = init_model(configs / 'stage2.py', cfg_options=options,
                       optimize=False)
    randomize(model)
    torch.save(dict(state_dict=model.state_dict()), root / 'stage2.pth')
    files, reports = {}, {}
    for name, kwargs in dict(
            open=dict(dynamic=True, part='full'),
            fixed=dict(shape=tiny_project.SIZE, part='full', opset=13),
    ).items():
        files[name] = root / f'{name}.onnx'
        reports[name] = export_model(model, files[name], **kwargs)
    return SimpleNamespace(root=root, config=configs / 'stage2.py',
                           options=options, checkpoint=root / 'stage2.pth',
                           model=model, data=root / 'data', files=files,
                           reports=reports)
