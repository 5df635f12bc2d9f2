"""Tiny data, and a command for every tool; see ``tests/campaign.py``."""
import json
import os
import runpy
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

from tests.support import tiny_project
from tests.support.fresh_processes import CONTEXT
from tests.support.h5_cases import feature
from tests.support.references.bffr import (fill_reference,
                                           reference_fuser_shapes)
from tests.support.signal_cases import print_into
from tests.support.smooth_pairs import smooth_pairs
from tests.support.video_sequences import write_sequence

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
#: what builds mmcv, or this package, or says a name has no data
LEFT_OUT = {
    'misc/build_mmcv.py', 'misc/try_wheel.py', 'train_fuser.py',
    'train_fuser_segmenter.py', 'test_fuser_segmenter.py'
}
PYRAMID = ROOT / 'configs/fusers/laplacian_pyramid.py'
_GUIDED = '''
_base_ = './stage2.py'
custom_imports = dict(imports='tests.support.text_cases')
guide = [dict(type='LoadTextFeatures', features=FEATURES)]
model = dict(fuser=dict(_delete_=True, type='TextGateFuser'))
test_dataloader = dict(
    dataset=dict(pipeline=_base_.load + guide + _base_.pack))
'''
_MISALIGNED = '''
default_scope = 'mmfusion'
model = dict(type='ImageFuser', fuser=dict(type='AverageFuser'),
             registration=dict(type='RegistrationHead', channels=4))
test_dataloader = dict(dataset=dict(
    type='FusionDistillDataset', data_root=DATA, teacher_required=True,
    test_mode=True, pipeline=[
        dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]))
'''


def all_tools() -> set[str]:
    """Every script of ``tools`` but those that are left out."""
    return {
        str(path.relative_to(TOOLS)) for path in TOOLS.rglob('*.py')
        if "if __name__ == '__main__':" in path.read_text(encoding='utf-8')
    } - LEFT_OUT


def start(tool: str, words: list, folder: Path):
    """A tool in a process of its own, which prints into ``folder``."""
    process = CONTEXT.Process(target=_run, args=(tool, words, folder))
    process.start()
    return process


def finish(tool: str, words: list, folder: Path) -> None:
    """Run a tool to its end.

    Raises:
        RuntimeError: If it fails or takes ten minutes; with what it told.
    """
    process = start(tool, words, folder)
    process.join(600)
    if process.exitcode:
        raise RuntimeError(f'{tool}: exit status {process.exitcode}\n' +
                           (folder / 'stderr').read_text()[-3000:])


def _run(tool: str, words: list, folder: Path) -> None:
    import torch
    torch.set_num_threads(1)
    print_into(folder)
    os.chdir(folder)
    sys.argv = [tool, *map(str, words)]
    sys.path[:0] = [str((TOOLS / tool).parent), str(ROOT)]
    runpy.run_path(str(TOOLS / tool), run_name='__main__')


def _image(path: Path, seed: int, channels: int, high: int = 256) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (24, 32, channels)[:3 if channels > 1 else 2]
    image = np.random.default_rng(seed).integers(0, high, shape, np.uint8)
    assert cv2.imwrite(str(path), image)


def make_material(root: Path) -> None:
    """All that :func:`commands` read."""
    import torch

    from mmfusion.apis import init_model
    configs = tiny_project.make_project(root)
    tiny_project.write_pairs(root / 'data', 12)
    (configs / 'guided.py').write_text(
        _GUIDED.replace('FEATURES', repr(str(root / 'text'))))
    data = smooth_pairs(root / 'distill')
    (configs / 'misaligned.py').write_text(
        _MISALIGNED.replace('DATA', repr(str(data))))
    (root / 'text').mkdir()
    for index in range(12):
        np.save(root / 'text' / f'{index:03d}.npy', feature(index, 4))
    for name in ('stage1', 'stage2', 'guided', 'misaligned'):
        model = init_model(configs / f'{name}.py', optimize=False,
                           cfg_options={'model.fuser.init_cfg': None})
        folder = root / name
        folder.mkdir(exist_ok=True)
        torch.save(dict(state_dict=model.state_dict()), folder / 'iter_2.pth')
    torch.save(fill_reference(reference_fuser_shapes()), root / 'authors.pth')
    rng = np.random.default_rng(0)
    vis, ir = (cv2.resize(rng.integers(0, 256, (10, 14, channels), np.uint8),
                          (160, 120)) for channels in (3, 1))
    write_sequence(root / 'video', vis, ir, 60, (64, 80))
    for k, stem in enumerate(('00001D', '00002N', '00003D', '00004N')):
        _image(root / f'mfnet/images/{stem}.png', k, 4)
        _image(root / f'mfnet/labels/{stem}.png', k, 1, 9)
        split = root / 'msrs' / ('train' if k < 3 else 'test')
        for name, channels, high in (('vi', 3, 256), ('ir', 1, 256),
                                     ('Segmentation_labels', 1, 9)):
            _image(split / name / f'{stem}.png', k, channels, high)
        _image(root / f'scenes/{stem}/VIS.png', k, 3)
        _image(root / f'scenes/{stem}/IR.png', k, 3)
        for offset, name in enumerate(('VI', 'IR')):
            _image(root / f'vlf/Image/IVF/Tiny/{name}/{k}.png', 9 * k + offset,
                   3)
        (root / 'vlf/TextFeature/IVF/Tiny').mkdir(parents=True, exist_ok=True)
        np.save(root / f'vlf/TextFeature/IVF/Tiny/{k}.npy',
                feature(k, 4)[None])
        for name in ('visible', 'infrared'):
            _image(root / f'llvip/{name}/train/{k}.jpg', k, 3)
        (root / 'llvip/Annotations').mkdir(exist_ok=True)
        (root / f'llvip/Annotations/{k}.xml').write_text(
            '<annotation><object><name>person</name><bndbox><xmin>2</xmin>'
            '<ymin>3</ymin><xmax>12</xmax><ymax>20</ymax></bndbox></object>'
            '</annotation>')
    (root / 'mfnet/train.txt').write_text('00001D\n00002N\n00003D\n')
    (root / 'mfnet/test.txt').write_text('00004N\n')
    (root / 'vlf/Image/IVF/Tiny/train.txt').write_text('0\n1\n2\n3\n')
    (root / 'captions.json').write_text(
        json.dumps({f'{k:03d}': f'a street with {k} cars' for k in range(12)}))
    log = root / 'log'
    finish('distill/make_teacher.py',
           [PYRAMID, '--data-root', data, '--device', 'cpu'], log)
    finish('distill/train.py', _distill(root, root / 'student'), log)
    finish('deployment/export.py', [
        configs / 'stage1.py', root / 'stage1/iter_2.pth', '--out',
        root / 'a.onnx', '--opset', 17, '--shape', 32, 48
    ], log)


def _distill(root: Path, out: Path) -> list:
    data = root / 'distill'
    return [
        '--model_size', 'tiny', '--train_root', data, '--val_root', data,
        '--input_size', 32, '--in_channels', 1, '--lambda_perc', 0,
        '--lambda_feat', 0, '--batch_size', 2, '--num_workers', 0, '--epochs',
        2, '--vis_freq', 4, '--save_freq', 1, '--misalign_prob', 0,
        '--log_dir', out
    ]


def commands(root: Path, out: Path) -> dict[str, list]:
    """Arguments of each tool; all write into ``out``."""
    configs, cpu = root / 'configs/fusers', ['--device', 'cpu']
    one, two, guided, misaligned = ([
        configs / f'{name}.py', root / name / 'iter_2.pth'
    ] for name in ('stage1', 'stage2', 'guided', 'misaligned'))
    vis, ir, labels = (root / 'data' / name
                       for name in ('vis', 'ir', 'labels'))
    pairs = ['--vis', vis, '--ir', ir]
    shape = ['--shape', 32, 48]
    boxes = out / 'llvip'
    if not boxes.exists():
        shutil.copytree(root / 'llvip', boxes)
    return {
        'train.py': [one[0], '--work-dir', out / 'run'],
        'test.py': [
            *two, '--work-dir', out / 'run', '--out', out / 'labels', '--eval',
            'mIoU', '--show-dir', out / 'panels'
        ],
        'test_fusion.py':
        [*one, *pairs, '--out-dir', out / 'fused', '--eval', 'EN,SD', *cpu],
        'video_demo.py': [
            *one, '--vis', root / 'video/vis', '--ir', root / 'video/ir',
            '--out', out / 'a.mp4', '--json', out / 'a.json', *cpu
        ],
        'analysis_tools/benchmark.py':
        [one[0], *shape, '--runs', 3, '--json', out / 'a.json'],
        'analysis_tools/benchmark_methods.py': [
            'baseline:average', 'baseline:laplacian', '--data',
            f'street={vis},{ir}', '--out', out / 'all', '--metrics', 'EN',
            '--runs', 1, *shape, '--strips', 1, *cpu
        ],
        'analysis_tools/browse_dataset.py':
        [one[0], '--output-dir', out / 'panels'],
        'analysis_tools/compatibility.py':
        ['--only', 'mmseg/cgnet', '--work-dir', out / 'trials'],
        'analysis_tools/evaluate_fusion.py': [
            '--fused', vis, *pairs, '--out', out / 'scores', '--metrics', 'EN',
            'SD', 'MI', '--workers', 2
        ],
        'analysis_tools/fused_mean_std.py': [*one, *cpu],
        'analysis_tools/get_flops.py': [one[0], *shape],
        'analysis_tools/misalignment.py': [
            *misaligned, '--shifts', 0, 3, '--directions', 1, '--csv',
            out / 'a.csv', *cpu
        ],
        'analysis_tools/text_influence.py': [*guided, *cpu],
        'dataset_converters/boxes_to_coco.py': ['llvip', boxes],
        'dataset_converters/make_label_captions.py':
        [out / 'captions.json', '--vis', vis, '--labels', labels],
        'dataset_converters/make_patches.py': [
            out / 'patches', *pairs, '--size', 16, '--format', 'file',
            '--workers', 2
        ],
        'dataset_converters/make_synthetic_rgbt.py': [
            '--out', out / 'made', '--train', 6, '--val', 2, '--size', 48, 64,
            '--workers', 2
        ],
        'dataset_converters/make_text_features.py':
        [root / 'captions.json', out / 'text', '--encoder', 'hash'],
        'dataset_converters/make_vlf_h5.py':
        ['pack', root / 'vlf', out / 'a.h5', '--dataset', 'Tiny'],
        'dataset_converters/mfnet.py': [root / 'mfnet', out / 'mfnet'],
        'dataset_converters/msrs.py': [root / 'msrs', out / 'msrs', '--maps'],
        'dataset_converters/plain_pairs.py':
        [root / 'data', out / 'pairs', '--label', 'labels'],
        'dataset_converters/scene_folders.py': [
            root / 'scenes', out / 'scenes', '--task', 'ivf', '--match',
            'VIS*', 'IR*'
        ],
        'deployment/export.py':
        [*one, '--out', out / 'a.onnx', '--simplify', *shape],
        'deployment/export_matrix.py': [
            '--fusers', 'AverageFuser', '--formats', 'onnx', 'torchscript',
            *shape, '--slim', '--out', out / 'a.md', '--json', out / 'a.json'
        ],
        'deployment/quantize.py':
        [root / 'a.onnx', out / 'int8.onnx', *pairs, '--num', 2],
        'distill/eval.py': [
            '--checkpoint', root / 'student/iter_4.pth', '--data_root',
            root / 'distill', '--num_workers', 0, '--save_dir', out / 'scores',
            *cpu
        ],
        'distill/lr_find.py':
        [one[0], '--iters', 5, '--out-dir', out / 'rates', *cpu],
        'distill/make_teacher.py': [
            PYRAMID, '--vis', root / 'distill/VIS', '--ir',
            root / 'distill/IR', '--out', out / 'teacher', *cpu
        ],
        'distill/train.py':
        _distill(root, out / 'student'),
        'model_converters/convert.py':
        ['--method', 'transfuser6', root / 'authors.pth', out / 'a.pth'],
        'model_converters/pack_weights.py': [
            one[1], out / 'a.safetensors', '--config', 'a.py', '--data', 'none'
        ],
        'misc/print_config.py': [one[0]],
    }
