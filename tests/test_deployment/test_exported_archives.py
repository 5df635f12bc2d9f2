"""Exported files of PyTorch are looked through before they are read."""
import io
import json
import zipfile

import onnx
import pytest
import torch
from torch import nn

from mmfusion.apis import FusionInferencer
from mmfusion.deployment import export_model
from mmfusion.models.exported import open_session
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from tests.support.payloads import Payload, change_json, rewrite, saved


@pytest.fixture(scope='module')
def program(tmp_path_factory):
    """An exported file of a size that is not fixed."""
    path = tmp_path_factory.mktemp('program') / 'a.pt2'
    model = ImageFuser(fuser=MODELS.build(dict(type='MMDRFuseStudent')))
    export_model(model, path, format='torch_export', dynamic=True)
    return path


def refused(path, mark, words):
    with pytest.raises(UsageError, match=words):
        FusionInferencer(path)
    assert not mark.exists()


def test_whole_file(program):
    session = open_session(program)
    assert session.meta['inputs'] == ['vis', 'ir']


def test_pickles_in_it(program, tmp_path):
    mark = tmp_path / 'mark'

    def change(name, content):
        pickled = zipfile.is_zipfile(io.BytesIO(content))
        return saved(Payload(mark)) if pickled else content

    refused(rewrite(program, tmp_path / 'a.pt2', change), mark, 'Weights only')

    def all_pickled(name, content):
        if name.endswith('weights_config.json'):
            return change_json(content, lambda k, v: True
                               if k == 'use_pickle' else v)
        if '/weights/' in name:
            return saved(Payload(mark))
        return content

    refused(rewrite(program, tmp_path / 'a.pt2', all_pickled), mark,
            'Weights only')


@pytest.mark.parametrize('key, value', [
    ('target', 'torch.os.mkdir'),
    ('target', 'torch.load'),
    ('target', 'torch.hub.load'),
    ('target', '_operator.methodcaller'),
    ('target', '_operator.call'),
    ('target', 'torch.ops.aten.from_file.default'),
    ('expr_str', '__import__("os").mkdir("mark")'),
    ('expr_str', 'exec(chr(105))'),
    ('expr_str', 's0.__class__'),
    ('expr_str', "Symbol('s0').__class__"),
    ('guards_code', "L['vis'].__class__"),
    ('guards_code', 'exec("import os; os.mkdir(0)")'),
    ('name', 'x=__import__("os").mkdir("mark")'),
    ('in_spec', '[1, {"type": "collections.defaultdict", "context": "", '
     '"children_spec": []}]'),
])
def test_code_in_a_graph(program, tmp_path, monkeypatch, key, value):
    monkeypatch.chdir(tmp_path)

    def change(name, content):
        if '/models/' not in name:
            return content
        return change_json(
            content, lambda k, v: v if k != key else [value]
            if isinstance(v, list) else value if isinstance(v, str) else v)

    refused(rewrite(program, tmp_path / 'a.pt2', change), tmp_path / 'mark',
            'could run other code')


def test_compiled_code(program, tmp_path):
    path = rewrite(program, tmp_path / 'a.pt2', lambda name, content: content)
    with zipfile.ZipFile(path, 'a') as archive:
        root = archive.namelist()[0].partition('/')[0]
        archive.writestr(f'{root}/data/aotinductor/model/a.so', b'')
    refused(path, tmp_path / 'mark', 'compiled code')


class Writes(nn.Module):
    """A network that writes a file."""

    def forward(self, vis, ir):
        torch.save([vis], 'mark')
        return vis


def test_script_that_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.jit.save(torch.jit.script(Writes()), 'a.ts')
    refused(tmp_path / 'a.ts', tmp_path / 'mark', 'could run other code')


@pytest.mark.parametrize('suffix', ['.ts', '.pt2'])
def test_flipped_bits(program, tmp_path, suffix):
    path = program
    if suffix == '.ts':
        path = tmp_path / 'whole.ts'
        export_model(
            ImageFuser(fuser=MODELS.build(dict(type='MMDRFuseStudent'))), path,
            format='torchscript', shape=(32, 32))
    with zipfile.ZipFile(path) as archive:
        sizes = {item.filename: item for item in archive.infolist()}
        name = max((key for key in sizes if not sizes[key].compress_type),
                   key=lambda key: sizes[key].file_size)
        inner = archive.read(name)
    content = bytearray(path.read_bytes())
    content[bytes(content).index(inner) + len(inner) // 2] ^= 4
    (tmp_path / f'a{suffix}').write_bytes(content)
    refused(tmp_path / f'a{suffix}', tmp_path / 'mark', 'damaged')


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_flipped_bit_in_onnx(tmp_path, backend):
    """The format has no sums; ours do, and files without still load."""
    path = tmp_path / 'a.onnx'
    model = ImageFuser(fuser=MODELS.build(dict(type='MMDRFuseStudent')))
    export_model(model, path, shape=(16, 16))
    content = bytearray(path.read_bytes())
    weight = model.fuser.state_dict()
    place = bytes(content).index(
        max(weight.values(), key=torch.numel).numpy().tobytes())
    content[place + 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match='damaged file'):
        open_session(path, backend)
    written = onnx.load(str(path))
    *_, last = written.metadata_props
    written.metadata_props.remove(last)
    onnx.save(written, str(path))
    assert open_session(path, backend).meta['inputs'] == ['vis', 'ir']


@pytest.mark.parametrize('format, suffix, place',
                         [('torch_export', '.pt2', 'pipeline'),
                          ('torchscript', '.ts', 'data_preprocessor'),
                          ('onnx', '.onnx', 'pipeline')])
def test_config_in_it(tmp_path, monkeypatch, format, suffix, place):
    mark, path = tmp_path / 'mark', tmp_path / f'a{suffix}'
    from mmfusion.deployment import exporting
    plain = exporting.describe

    def describe(*args, **kwargs):
        step = dict(type='os.mkdir', path=str(mark))
        return dict(plain(*args, **kwargs),
                    **{place: [step] if place == 'pipeline' else step})

    monkeypatch.setattr(exporting, 'describe', describe)
    model = ImageFuser(fuser=MODELS.build(dict(type='SelectModality')))
    export_model(model, path, format=format, shape=(16, 16))
    assert json.dumps('os.mkdir').encode() in path.read_bytes()
    refused(path, mark, 'registered types')
