"""Exported files compute what PyTorch does, and errors say what to do."""
import json

import numpy as np
import onnx
import pytest
import torch

from mmfusion.deployment import ExportGraph, export_model, matrix
from mmfusion.deployment.matrix import (export_matrix, failed_cells,
                                        matrix_table)
from mmfusion.deployment.slim_fusers import SLIM_FUSERS, registered_fusers
from mmfusion.models.exported import backend_model, open_session
from mmfusion.models.fusers import BaseFuser
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from tests.support.deployment_cases import randomize

#: fusers that are also tried with the exporter of opsets from 18 on, which
#: takes long; it starts from the program that the sweep of all fusers makes
BOTH_EXPORTERS = ('MMDRFuseTeacher', 'RealtimeFusionNet', 'TransFuser6')


def wrapper(name='TransFuser6', **kwargs):
    torch.manual_seed(0)
    model = ImageFuser(
        fuser=MODELS.build(dict(type=name, **SLIM_FUSERS.get(name, {}))),
        **kwargs).eval()
    randomize(model)
    return model


@pytest.mark.no_cover
@pytest.mark.parametrize('name', registered_fusers())
def test_matrix_of_a_fuser(name):
    """Every flagged fuser within 1e-4; its sweep tries torch.export."""
    cfg = dict(type=name, **SLIM_FUSERS.get(name, {}))
    ticks = []
    opsets = (11, 18) if name in BOTH_EXPORTERS else (11, )
    results = export_matrix({name: cfg}, ('onnx', 'torchscript'), opsets,
                            (50, 78), done=lambda: ticks.append(1))
    cells = results[name]
    assert list(cells) == [*(f'onnx {k}' for k in opsets), 'torchscript']
    assert len(ticks) == len(cells)
    assert failed_cells(results) == []
    if MODELS.get(name).exportable:
        assert all(cell['max_difference'] <= 1e-4 for cell in cells.values())


@pytest.mark.parametrize('name', ['TransFuser6', 'PSFusion'])
def test_variable_size(name):
    """The file is run at three sizes and batches."""
    cfg = dict(type=name, **SLIM_FUSERS[name])
    results = export_matrix({name: cfg}, ('torchscript', ), dynamic=True)
    assert failed_cells(results) == []


def test_matrix_tells_failures(monkeypatch):

    class Stubborn(BaseFuser):
        exportable = False

        def fuse_luma(self, vis_luma, ir):
            return ir

    class Wrong(BaseFuser):

        def fuse_luma(self, vis_luma, ir):
            # tracing makes the number a constant
            return ir * float(ir.mean())

    results = export_matrix(
        dict(Stubborn=dict(type=Stubborn), Wrong=dict(type=Wrong)),
        formats=('torchscript', ))
    assert results['Stubborn']['torchscript'] == dict(error='not exportable')
    failures = failed_cells(results)
    assert len(failures) == 1 and 'a difference of' in failures[0]
    assert matrix_table(results).splitlines()[2:] == [
        '| Stubborn | - |', '| Wrong | fails |'
    ]
    assert matrix.columns(('onnx', 'torchscript'),
                          (11, 12)) == [('onnx', 11), ('onnx', 12),
                                        ('torchscript', 12)]


def test_full_model(exported):
    """Both outputs at a size that was not seen, and BatchNorm is gone."""
    for name, report in exported.reports.items():
        assert report['max_difference'] <= 1e-4 and report['folded'] >= 3
        kinds = {
            node.op_type for node in onnx.load(exported.files[name]).graph.node
        }
        assert 'BatchNormalization' not in kinds
    session = open_session(exported.files['open'])
    assert session.meta['outputs'] == ['fused', 'seg_logits']
    vis, ir = torch.rand(1, 3, 160, 96), torch.rand(1, 1, 160, 96)
    fused, logits = session.run(dict(vis=vis.numpy(), ir=ir.numpy()))
    with torch.no_grad():
        expected = ExportGraph(exported.model, 'full')(vis, ir)
    np.testing.assert_allclose(fused, expected[0], atol=1e-5)
    np.testing.assert_allclose(logits, expected[1], atol=1e-3)


def test_semantic_fuser_as_a_full_model(tmp_path):
    model = wrapper('PSFusion')
    export_model(model, tmp_path / 'a.ts', part='full', shape=(64, 64),
                 format='torchscript')
    meta = open_session(tmp_path / 'a.ts').meta
    assert meta['outputs'] == ['fused', 'seg_logits']


@pytest.mark.parametrize('slim', [True, False])
def test_simplify(tmp_path, monkeypatch, slim):
    if not slim:
        monkeypatch.setitem(__import__('sys').modules, 'onnxslim', None)
    nodes = []
    for simplify in (False, True):
        path = tmp_path / f'{simplify}.onnx'
        report = export_model(wrapper('LaplacianPyramidFuser'), path,
                              shape=(48, 64), opset=13, simplify=simplify)
        assert report['max_difference'] <= 1e-4
        nodes.append(len(onnx.load(path).graph.node))
        assert open_session(path).meta['fuser'] == ('LaplacianPyramidFuser')
    assert nodes[1] < nodes[0]


def test_batch_of_a_fixed_file(tmp_path):
    path = tmp_path / 'a.onnx'
    export_model(wrapper('MaximumFuser'), path, shape=(8, 8), batch=2)
    fuser = backend_model(path).fuser
    vis, ir = torch.rand(4, 3, 8, 8), torch.rand(4, 1, 8, 8)
    expected = MODELS.build(dict(type='MaximumFuser'))(vis, ir).fused
    torch.testing.assert_close(fuser(vis, ir).fused, expected)
    for count in (1, 3):  # too few: filled up, and cut off again
        torch.testing.assert_close(
            fuser(vis[:count], ir[:count]).fused, expected[:count])
    with pytest.raises(ValueError, match='expected images of 8x8'):
        fuser(vis[..., :7], ir[..., :7])


class Guided(BaseFuser):
    """Scales by the mean of the text."""
    needs_text = True
    text_channels = 6

    def fuse_luma(self, vis_luma, ir, text=None, text_mask=None):
        if text_mask is not None:
            text = text * text_mask[..., None]
            mean = text.sum((1, 2)) / text_mask.sum(1) / 6
        else:
            mean = text.mean((1, 2))
        return (vis_luma + ir) / 2 * mean.sigmoid().view(-1, 1, 1, 1)


def test_text_is_an_input(tmp_path):
    path = tmp_path / 'a.onnx'
    model = ImageFuser(fuser=Guided()).eval()
    export_model(model, path, dynamic=True)
    fuser = backend_model(path).fuser
    assert fuser.needs_text
    vis, ir, text = (torch.rand(2, 3, 19,
                                21), torch.rand(2, 1, 19,
                                                21), torch.randn(2, 7, 6))
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, 3:] = False
    for given in (None, mask):
        expected = model.fuser(vis, ir, text=text, text_mask=given).fused
        got = fuser(vis, ir, text=text, text_mask=given).fused
        torch.testing.assert_close(got, expected)
    with pytest.raises(ValueError, match='expected text='):
        fuser(vis, ir)


def test_no_fold_keeps_batch_norm(tmp_path):
    model = wrapper()
    report = export_model(model, tmp_path / 'a.ts', format='torchscript',
                          shape=(48, 64), fold=False)
    assert report['folded'] == 0
    assert export_model(model, tmp_path / 'b.ts', format='torchscript',
                        shape=(48, 64))['folded'] == 32
    # the model itself is left as it was
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())


@pytest.mark.parametrize('kwargs, name, words', [
    (dict(format='coreml'), 'a.onnx', 'Expected format'),
    (dict(opset=10), 'a.onnx', 'opset of 11 to 20'),
    (dict(opset=21), 'a.onnx', 'opset of 11 to 20'),
    (dict(), 'a.pt', 'Expected a file .onnx'),
    (dict(shape=(0, 4)), 'a.onnx', 'at least 1'),
    (dict(part='head'), 'a.onnx', 'Expected part'),
    (dict(format='torchscript', simplify=True), 'a.ts', 'to simplify'),
])
def test_bad_arguments(tmp_path, kwargs, name, words):
    with pytest.raises(UsageError, match=words):
        export_model(wrapper('AverageFuser'), tmp_path / name, **kwargs)
    assert not list(tmp_path.iterdir())


def test_a_torch_that_exports_torchscript_alone(tmp_path, monkeypatch):
    """Torch 2.1 is one."""

    def export(f, args, kwargs=None, *, constraints=None):
        """As it was there."""

    monkeypatch.setattr(torch.export, 'export', export)
    with pytest.raises(UsageError, match='which exports torchscript alone'):
        export_model(wrapper('AverageFuser'), tmp_path / 'a.onnx')
    export_model(wrapper('AverageFuser'), tmp_path / 'a.ts',
                 format='torchscript', shape=(16, 16))


def test_models_that_cannot_be_exported(exported, tmp_path):

    class Stubborn(BaseFuser):
        exportable = False

    for model, words in ((torch.nn.Identity(), 'Expected an ImageFuser'),
                         (ImageFuser(fuser=Stubborn()), 'not exportable')):
        with pytest.raises(UsageError, match=words):
            export_model(model, tmp_path / 'a.onnx')
    segmentor = exported.model.segmentor
    segmentor.test_cfg['mode'] = 'slide'
    try:
        with pytest.raises(UsageError, match='mode=whole'):
            export_model(exported.model, tmp_path / 'a.onnx', part='full')
    finally:
        segmentor.test_cfg['mode'] = 'whole'
    assert not list(tmp_path.iterdir())


def test_a_wrong_file_is_not_written(tmp_path):

    class Wrong(BaseFuser):

        def fuse_luma(self, vis_luma, ir):
            return ir * float(ir.mean())

    model = ImageFuser(fuser=Wrong())
    with pytest.raises(UsageError, match='Nothing was written'):
        export_model(model, tmp_path / 'a.ts', format='torchscript',
                     shape=(16, 16))
    assert not list(tmp_path.iterdir())


def test_what_a_file_says_about_itself(exported):
    model = onnx.load(exported.files['fixed'])
    meta = json.loads(model.metadata_props[0].value)
    assert meta['size'] == [40, 56] and meta['batch'] == 1
    assert meta['size_divisor'] == 1
    assert meta['part'] == 'full' and meta['opset'] == 13
    assert model.opset_import[0].version == 13
    variable = open_session(exported.files['open']).meta
    assert variable['size'] is None and variable['size_divisor'] == 32
    assert len(variable['dataset_meta']['classes']) == 9
