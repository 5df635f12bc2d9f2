"""No file of weights or arrays runs code, wherever its name may stand.

A sweep finds all calls that read such files. Each belongs to a case below,
which plants a file that would leave a mark.
"""
import ast
import contextlib
import io
import pickle
import runpy
import subprocess
import sys
import types
from pathlib import Path
from pickle import UnpicklingError

import mmengine
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModule
from mmengine.registry import DATASETS
from mmengine.runner import CheckpointLoader, load_checkpoint

from mmfusion.apis import FusionInferencer, init_model, test, train
from mmfusion.models.exported import open_session
from mmfusion.registry import MODELS, TEXT_ENCODERS, TRANSFORMS
from mmfusion.utils.checkpoint import allowed_globals, read_checkpoint
from mmfusion.utils.files import write_image
from mmfusion.utils.tensor_pickle import allowing
from tests.support import payloads, text_cases
from tests.support.reader_calls import reader_calls
from tests.support.tiny_project import make_project

ROOT = Path(__file__).resolve().parents[2]
CASES = {}
#: 'file: call' -> cases
ENTRIES: dict[str, set[str]] = {}


def case(*entries):
    """A function of a folder and a mark that reads a planted file."""

    def register(function):
        CASES[function.__name__] = function
        for entry in entries:
            ENTRIES.setdefault(entry, set()).add(function.__name__)
        return function

    return register


def refused(call, *args, words=None, **kwargs):
    """Call; only a clear error is right."""
    with pytest.raises(ValueError, match=words):
        call(*args, **kwargs)


def evil(folder, mark, name='evil.pth'):
    return str(payloads.evil_checkpoint(folder / name, mark))


@MODELS.register_module()
class CarelessNetwork(BaseModule):
    """Reads its weights as it likes, as some networks do."""

    def __init__(self, path: str, when: str) -> None:
        super().__init__()
        self.path = path
        if when == '__init__':
            self.init_weights()

    def init_weights(self):
        torch.load(self.path, weights_only=False)


READ = 'mmfusion/utils/checkpoint.py: torch.load'


@case(READ, 'mmfusion/utils/checkpoint.py: read_checkpoint')
def fuser_weights(folder, mark):
    for legacy in (False, True):
        path = payloads.evil_checkpoint(folder / 'a.pth', mark, legacy)
        fuser = MODELS.build(
            dict(type='MMDRFuseStudent', init_cfg=dict(type='Pretrained',
                                                       checkpoint=str(path))))
        refused(fuser.init_weights, words='sandbox')


@case('mmfusion/utils/tensor_pickle.py: Unpickler',
      'mmfusion/utils/tensor_pickle.py: Unpickler(file, **how).load')
def older_torch(folder, mark):
    """The unpickler that stands in for that of a torch without lists."""
    allowed = allowed_globals()
    name = str(mark).encode()
    plain = pickle.dumps(payloads.Payload(mark), 2)
    for text in (plain, b'(S"' + name + b'"\nios\nmkdir\n.',
                 b'(cos\nmkdir\nS"' + name + b'"\no.',
                 b'cbuiltins\ngetattr\n(cnumpy\nndarray\nVtofile\ntR.',
                 b'cnumpy\nndarray\n}Vshape\nNsb.'):
        with pytest.raises((RuntimeError, UnpicklingError)):
            allowing(allowed).load(io.BytesIO(text))


@case(READ)
def torchscript(folder, mark):
    """It is code, which torch before 2.6 runs whatever it is asked for."""
    path = str(folder / 'a.pth')
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), path)
    refused(read_checkpoint, path, words='read safely')


@case('mmfusion/utils/checkpoint.py: load')
def safetensors(folder, mark):
    refused(read_checkpoint,
            payloads.evil_pickle(folder / 'a.safetensors', mark),
            words='whole')


@case('mmfusion/apis/checkpoint.py: read_checkpoint')
def inference(folder, mark):
    config, path = make_project(folder) / 'stage1.py', evil(folder, mark)
    refused(init_model, config, path, words='sandbox')
    refused(FusionInferencer, config, path, words='sandbox')
    refused(test, make_stage2(folder), path, words='sandbox')


def make_stage2(folder):
    """The config of stage 2 without its first stage."""
    cfg = Config.fromfile(folder / 'configs/fusers/stage2.py')
    for key in ('stage1_config', 'stage1_checkpoint'):
        cfg.pop(key)
    cfg.model.fuser.pop('init_cfg')
    cfg.work_dir = str(folder / 'work')
    return cfg


@case('mmfusion/apis/resuming.py: read_checkpoint',
      'mmfusion/apis/two_stage.py: read_checkpoint')
def training(folder, mark):
    config = make_project(folder) / 'stage1.py'
    work = folder / 'work'
    path = evil(work, mark, 'iter_1.pth')
    refused(train, config, folder / 'new', load_from=path, words='sandbox')
    refused(train, config, work, resume=path, words='sandbox')
    (work / 'last_checkpoint').write_text(path)
    refused(train, config, work, resume=True, words='sandbox')
    refused(train, config, work, cfg_options=dict(resume=True),
            words='sandbox')
    evil(folder, mark, 'stage1/iter_2.pth')
    for two_stage in (False, True):
        refused(train, config.with_name('stage2.py'), work,
                two_stage=two_stage, words='sandbox')


@case('mmfusion/utils/loading_guard.py: load',
      'mmfusion/utils/loading_guard.py: read_checkpoint')
def any_module(folder, mark):
    """``init_cfg`` of any module, as mmengine reads it."""
    path = evil(folder, mark)
    make_project(folder)
    for keys in ('', 'fuser', 'segmentor', 'segmentor.backbone',
                 'segmentor.decode_head'):
        for more in ({}, dict(prefix='fuser.')):
            cfg = make_stage2(folder)
            node = cfg.model
            for key in filter(None, keys.split('.')):
                node = node[key]
            node.init_cfg = dict(type='Pretrained', checkpoint=path, **more)
            refused(MODELS.build(cfg.model).init_weights, words='sandbox')
    refused(load_checkpoint, torch.nn.ReLU(), path, words='sandbox')
    for when in ('__init__', 'init_weights'):
        cfg = make_stage2(folder)
        cfg.model.segmentor = dict(type='CarelessNetwork', path=path,
                                   when=when)
        with pytest.raises(UnpicklingError):
            MODELS.build(cfg.model).init_weights()
    head = MODELS.build(
        dict(type='RegistrationHead', channels=4,
             init_cfg=dict(type='Pretrained', prefix='a.', checkpoint=path)))
    refused(head.init_weights, words='sandbox')


@case('mmfusion/utils/loading_guard.py: load')
def fetched(folder, mark):
    """Files that mmengine and torch fetched lie in their caches."""
    evil(folder / 'mmengine', mark, 'a.pth')
    evil(folder / 'hub/checkpoints', mark, 'b.pth')
    (folder / 'mmengine/open_mmlab.json').write_text('{"mine": "a.pth"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMENGINE_HOME', str(folder / 'mmengine'))
        patch.setenv('TORCH_HOME', str(folder))
        for name in ('openmmlab://mine', 'open-mmlab://mine',
                     'https://nowhere.invalid/b.pth'):
            with contextlib.suppress(Exception):
                CheckpointLoader.load_checkpoint(name)
                pytest.fail(f'{name} was read')


@case(
    'mmfusion/models/layers/vgg.py: read_checkpoint',
    'mmfusion/models/fusers/ddfm/adm_unet.py: read_checkpoint',
    'mmfusion/models/fusers/realtime/__init__.py: read_checkpoint',
    'mmfusion/models/fusers/psfusion/__init__.py: '
    'CheckpointLoader.load_checkpoint')
def parts_of_models(folder, mark):
    path = evil(folder, mark)
    pretrained = dict(type='Pretrained', checkpoint=path)
    for cfg in (dict(type='VGGFeatures', init_cfg=pretrained),
                dict(type='ADMUNet', channels=32, multipliers=(1, ),
                     num_blocks=1, checkpoint=path),
                dict(type='FuserDistiller',
                     student=dict(type='MMDRFuseStudent'),
                     teacher=dict(type='MMDRFuseStudent',
                                  init_cfg=pretrained), pairs=[])):
        refused(MODELS.build, cfg, words='sandbox')
    fuser = MODELS.build(dict(type='PSFusion', backbone_init_cfg=pretrained))
    refused(fuser.init_weights, words='sandbox')
    from mmfusion.models.fusers.realtime import TimmEncoder
    refused(TimmEncoder, 'mobilenetv3_small_050', 3, path, words='sandbox')


@case('mmfusion/analysis/distill_eval.py: read_checkpoint')
def config_in_a_checkpoint(folder, mark):
    from mmfusion.analysis.distill_eval import checkpoint_config
    refused(checkpoint_config, evil(folder, mark), words='sandbox')
    fuser = 'dict(type="ImageFuser", fuser=dict(type={!r}, {}))'
    for text in (
            payloads.code(mark),
            f'model = dict(a=__import__("os").mkdir({str(mark)!r}))',
            'model = ' + fuser.format('os.mkdir', f'path={str(mark)!r}'),
            'model = ' + fuser.format('CallableDenoiser', 'function="os.a"'),
            'model = ' + fuser.format('mmcv.imwrite', 'img=0'),
            'model = ' + fuser.format('this', 'a=0'),
            'test_dataloader = dict(dataset=dict(pipeline=[dict('
            'type="RandomChoiceResize", scales=[], resize_type="os.mkdir", '
            f'path={str(mark)!r})]))'):
        path = folder / 'meta.pth'
        torch.save(dict(state_dict={}, meta=dict(cfg=text)), path)
        refused(checkpoint_config, str(path), words='config')


@case(
    'tools/model_converters/mappings/film.py: read_checkpoint',
    'tools/model_converters/mappings/film.py: jittor.loads',
    'tools/model_converters/mappings/jittor.py: _ArrayUnpickler',
    'tools/model_converters/mappings/jittor.py: '
    '_ArrayUnpickler(io.BytesIO(content)).load',
    'tools/model_converters/convert.py: read_checkpoint',
    'tools/model_converters/mappings/published.py: read_checkpoint',
    'tools/model_converters/mappings/published.py: read_array',
    'tools/model_converters/mappings/published.py: read_arrays')
def converters(folder, mark):
    from convert import convert_file
    pickled = str(payloads.evil_pickle(folder / 'a.pkl', mark))
    for path in (evil(folder, mark), pickled):
        for method, reverse in (('film', False), ('psfusion', False),
                                ('psfusion', True)):
            refused(convert_file, path, str(folder / 'out.pth'), method,
                    reverse)
    for name in ('fine_tuned_lut.npy', 'generator_context.pth', 'Encoder.pkl',
                 'Decoder.pkl'):
        payloads.evil_pickle(folder / 'published' / name, mark)
    npz = payloads.evil_npz(folder / 'a.npz', mark)
    for path, method in ((npz, 'deepfuse'), (folder / 'published', 'lutfuse'),
                         (folder / 'published',
                          'didfuse'), (evil(folder, mark), 'seafusion')):
        refused(convert_file, str(path), str(folder / 'out.pth'), method)


@case('tools/model_converters/pack_weights.py: read_checkpoint')
def packing(folder, mark):
    tool = ROOT / 'tools/model_converters/pack_weights.py'
    result = subprocess.run([
        sys.executable, tool,
        evil(folder, mark), folder / 'a.safetensors', '--config', 'a.py',
        '--data', 'none'
    ], capture_output=True, text=True)
    assert result.returncode == 2 and 'sandbox' in result.stderr


@case('mmfusion/utils/loading_guard.py: PlainUnpickler',
      'mmfusion/utils/loading_guard.py: PlainUnpickler(file, **kwargs).load')
def annotations(folder, mark):
    for path in (payloads.evil_pickle(folder / 'a.pkl', mark),
                 payloads.evil_yaml(folder / 'a.yaml', mark)):
        with pytest.raises(Exception, match='os|posix'):
            mmengine.load(str(path))
    with pytest.raises(Exception, match='posix.mkdir'):
        BaseDataset(ann_file=str(folder / 'a.pkl'))


@case('mmfusion/fileio/arrays.py: np.load',
      'mmfusion/datasets/patches.py: map_array',
      'mmfusion/datasets/transforms/teacher_feature.py: npz_names',
      'mmfusion/datasets/transforms/teacher_feature.py: read_array',
      'mmfusion/models/text_encoders/precomputed.py: npz_names',
      'mmfusion/fileio/text_features.py: read_array',
      'mmfusion/fileio/homography.py: read_array')
def arrays(folder, mark):
    from mmfusion.datasets.patches import IMAGES, STEMS
    from mmfusion.fileio.text_features import read_text_feature
    from mmfusion.video.geometry import read_homography
    (folder / STEMS).write_text('a\n')
    for name in (IMAGES, 'a.npy'):
        payloads.evil_npy(folder / name, mark)
    npz = str(payloads.evil_npz(folder / 'a.npz', mark))
    refused(DATASETS.build,
            dict(type='mmfusion.PatchFileDataset', data_root=str(folder)))
    refused(read_text_feature, str(folder / 'a.npy'))
    refused(read_text_feature, npz)
    refused(read_homography, folder / 'a.npy')
    step = TRANSFORMS.build(dict(type='LoadTeacherFeature'))
    refused(step.transform, dict(feature_path=npz))
    texts = TEXT_ENCODERS.build(dict(type='PrecomputedText', path=npz))
    refused(texts.load, 'a')


@case('tools/dataset_converters/make_vlf_h5.py: read_array')
def text_arrays(folder, mark):
    tool = ROOT / 'tools/dataset_converters/make_vlf_h5.py'
    layout = runpy.run_path(str(tool))['Layout'](folder, 'IVF', 'MSRS')
    for images in layout.folders:
        write_image(images / 'a.png', np.zeros((8, 8), np.uint8))
    payloads.evil_npy(layout.text / 'a.npy', mark)
    refused(layout.read, 'a', words='array written by numpy')


@case(*('mmfusion/models/text_encoders/huggingface.py: '
        f'{kind}.from_pretrained'
        for kind in ('transformers.AutoConfig', 'kind')))
def text_encoders(folder, mark):
    path = Path(text_cases.save_encoder(folder / 'bert', 'bert'))
    for file in path.glob('*.safetensors'):
        file.unlink()
    payloads.evil_checkpoint(path / 'pytorch_model.bin', mark)
    refused(TEXT_ENCODERS.build, dict(type='BertTextEncoder',
                                      folder=str(path)), words='weights')
    (path / 'evil.py').write_text(payloads.code(mark))
    (path / 'config.json').write_text(
        '{"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config"}}')
    refused(TEXT_ENCODERS.build, dict(type='BertTextEncoder',
                                      folder=str(path)), words='config')


@case('mmfusion/functional/learned.py: read_checkpoint')
def learned_metrics(folder, mark):
    from mmfusion.functional.learned import WeightFile
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('TORCH_HOME', str(folder))
        evil(folder / 'hub/checkpoints', mark, 'a.pth')
        refused(
            WeightFile('checkpoints', 'x/a.pth').find, 'LPIPS',
            words='sandbox')


@case(
    'mmfusion/models/exported/runtimes.py: torch.jit.load',
    'mmfusion/models/exported/runtimes.py: torch.export.load',
    'mmfusion/models/exported/runtimes.py: ort.InferenceSession',
    'mmfusion/models/exported/runtimes.py: core.read_model',
    'mmfusion/models/exported/runtimes.py: '
    "require_package('onnx', _INSTALL, UsageError).load")
def exported_files(folder, mark):
    """More of them in tests/test_deployment/test_exported_archives.py."""
    for suffix in ('.pt2', '.ts', '.onnx'):
        for plant in (payloads.evil_checkpoint, payloads.evil_pickle):
            path = plant(folder / f'a{suffix}', mark)
            refused(open_session, path)
            refused(init_model, path)
    refused(open_session, path, 'openvino')


@case('mmfusion/models/fusers/ddfm/denoisers.py: UNet2DModel.from_pretrained')
def diffusers(folder, mark):
    """The package is none of ours; any that reads in its way is refused."""
    path = evil(folder, mark)

    class UNet2DModel:

        @staticmethod
        def from_pretrained(folder, **kwargs):
            return torch.load(path, weights_only=False)

    module = types.SimpleNamespace(UNet2DModel=UNet2DModel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, 'diffusers', module)
        with pytest.raises(Exception, match='Weights only'):
            MODELS.build(dict(type='DiffusersUNetAdapter', folder='a'))


@pytest.mark.parametrize('name', CASES)
def test_nothing_runs(name, tmp_path):
    mark = tmp_path / 'mark'
    CASES[name](tmp_path, mark)
    assert not mark.exists()


def test_every_reader_has_a_case():
    found = {f'{name}: {call}' for name, call, _ in reader_calls()}
    assert found - set(ENTRIES) == set(), 'plant a file into each'
    assert set(ENTRIES) - found == set(), 'these are gone'


def test_no_reader_asks_for_objects():
    for name, _, node in reader_calls():
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        assert words.get('allow_pickle', 'False') == 'False', name
        assert words.get('weights_only', 'True') == 'True', name


def test_resume_evaluates_no_config(tmp_path):
    """mmengine evaluates ``meta['config']`` of a checkpoint of tensors."""
    config = make_project(tmp_path) / 'stage1.py'
    work, mark = tmp_path / 'work', tmp_path / 'mark'
    train(config, work)
    path = work / 'iter_2.pth'
    content = torch.load(path, weights_only=False)
    for place in (content['meta'], content['message_hub']['runtime_info']):
        place.update(config=payloads.code(mark), cfg=payloads.code(mark))
    torch.save(content, path)
    for resume in (path, True):  # the second by its last_checkpoint
        runner = train(config, work, resume=resume,
                       cfg_options={'train_cfg.max_iters': 3})
        assert runner.iter == 3 and not mark.exists()
