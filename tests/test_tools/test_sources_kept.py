"""No tool writes over what it reads, or unasked over files of others."""
import json
import os
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from mmfusion.utils.files import is_ours
from tests.support import tiny_project

ROOT = Path(__file__).resolve().parents[2]
RULE = ROOT / 'configs/fusers/laplacian_pyramid.py'
PAIRS = ('--vis', 'vis', '--ir', 'ir')
CPU = ('--device', 'cpu')
#: source that is named as output, tool, flags
CASES = [
    ('vis', 'test_fusion.py', (RULE, *PAIRS, *CPU, '--out-dir', 'OUT')),
    ('ir', 'test_fusion.py', (RULE, *PAIRS, *CPU, '--out-dir', 'new',
                              '--show-dir', 'OUT')),
    ('vis', 'distill/make_teacher.py', (RULE, *PAIRS, *CPU, '--out', 'OUT',
                                        '--restart')),
    ('vis', 'distill/make_teacher.py', (RULE, *PAIRS, *CPU, '--out', 'OUT',
                                        '--restart', '--processes', 2)),
    ('vis', 'distill/eval.py', ('--checkpoint', 'a.pth', '--data_root', 'vis',
                                '--save_dir', 'OUT')),
    ('cfg.py', 'distill/lr_find.py', ('cfg.py', '--out-dir', 'OUT')),
    ('vis', 'video_demo.py', (RULE, *PAIRS, '--out', 'OUT')),
    ('a.avi', 'video_demo.py', (RULE, '--vis', 'a.avi', '--ir', 'ir', '--out',
                                'OUT')),
    ('a.pth', 'video_demo.py', (RULE, 'a.pth', *PAIRS, '--out', 'new',
                                '--json', 'OUT')),
    ('vis', 'analysis_tools/evaluate_fusion.py', ('--fused', 'x=vis', *PAIRS,
                                                  '--out', 'OUT')),
    ('ir', 'analysis_tools/evaluate_fusion.py', ('--fused', 'vis', *PAIRS,
                                                 '--out', 'OUT')),
    ('vis', 'analysis_tools/benchmark_methods.py',
     ('baseline:average', '--data', 's=vis,ir', '--out', 'OUT')),
    ('cfg.py', 'analysis_tools/benchmark.py', ('cfg.py', '--json', 'OUT')),
    ('a.pth', 'analysis_tools/misalignment.py', (RULE, 'a.pth', '--csv',
                                                 'OUT')),
    ('a.pth', 'deployment/export.py', (RULE, 'a.pth', '--out', 'OUT')),
    ('a.onnx', 'deployment/quantize.py', ('a.onnx', 'OUT', *PAIRS)),
    ('vis/001.png', 'deployment/quantize.py', ('a.onnx', 'new.onnx', *PAIRS,
                                               '--json', 'OUT')),
    ('a.pth', 'model_converters/convert.py', ('--method', 'psfusion', 'a.pth',
                                              'OUT')),
    ('a.pth', 'model_converters/pack_weights.py', ('a.pth', 'OUT', '--config',
                                                   'a.py', '--data', 'none')),
    ('vis/001.png', 'dataset_converters/make_label_captions.py',
     ('OUT', '--vis', 'vis', '--labels', 'labels')),
    ('captions', 'dataset_converters/make_text_features.py',
     ('captions', 'OUT', '--encoder', 'hash')),
    ('text.h5', 'dataset_converters/make_text_features.py',
     ('text.h5', 'OUT', '--encoder', 'hash')),
    ('VLF/TextFeature/IVF/Tiny/000.npy', 'dataset_converters/make_vlf_h5.py',
     ('pack', 'VLF', 'OUT', '--dataset', 'Tiny')),
    ('vis', 'dataset_converters/make_patches.py', ('OUT', *PAIRS, '--size',
                                                   8)),
    ('set', 'dataset_converters/plain_pairs.py', ('set', 'OUT')),
    ('set', 'dataset_converters/msrs.py', ('set', 'OUT')),
    ('raw', 'dataset_converters/mfnet.py', ('raw', 'OUT')),
    ('set', 'dataset_converters/scene_folders.py',
     ('set', 'OUT', '--task', 'ivf', '--match', 'v*', 'i*')),
    ('vis/001.png', '../demo/image_demo.py', ('vis/001.png', 'ir/001.png',
                                              RULE, 'a.pth', '--out', 'OUT')),
]
#: what has tests of its own below, reads nothing or writes nothing
OTHERS = {
    'train.py', 'test.py', 'train_fuser.py', 'train_fuser_segmenter.py',
    'test_fuser_segmenter.py', 'analysis_tools/browse_dataset.py',
    'dataset_converters/boxes_to_coco.py',
    'dataset_converters/make_synthetic_rgbt.py', 'distill/train.py',
    'deployment/export_matrix.py', 'analysis_tools/fused_mean_std.py',
    'analysis_tools/get_flops.py', 'analysis_tools/text_influence.py',
    'analysis_tools/compatibility.py', 'misc/build_mmcv.py',
    'misc/print_config.py', 'misc/try_wheel.py'
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Everything that a tool may read, in the current folder."""
    monkeypatch.chdir(tmp_path)
    tiny_project.write_pairs(tmp_path)
    for split in ('train', 'test'):
        for kind, name in dict(vis='vi', ir='ir', labels='label').items():
            (tmp_path / 'set' / split).mkdir(parents=True, exist_ok=True)
            os.symlink(tmp_path / kind, tmp_path / 'set' / split / name)
    (tmp_path / 'raw/images').mkdir(parents=True)
    os.symlink('../labels', 'raw/labels')
    (tmp_path / 'raw/train.txt').write_text('000\n001\n')
    layout = tmp_path / 'VLF/Image/IVF/Tiny'
    layout.mkdir(parents=True)
    os.symlink(tmp_path / 'vis', layout / 'VI')
    os.symlink(tmp_path / 'ir', layout / 'IR')
    (layout / 'train.txt').write_text('000.png\n')
    (tmp_path / 'VLF/TextFeature/IVF/Tiny').mkdir(parents=True)
    np.save('VLF/TextFeature/IVF/Tiny/000.npy', np.ones((2, 4), np.float32))
    for index in range(3):
        name = f'{index:03d}.png'
        both = np.dstack([
            cv2.imread(f'vis/{name}'),
            cv2.imread(f'ir/{name}', cv2.IMREAD_GRAYSCALE)
        ])
        cv2.imwrite(f'raw/images/{name}', both)
    (tmp_path / 'captions').mkdir()
    (tmp_path / 'captions/000.txt').write_text('a street')
    (tmp_path / 'captions.json').write_text('{"000": "a street"}')
    (tmp_path / 'text.h5').mkdir()
    (tmp_path / 'text.h5/000.txt').write_text('a street')
    (tmp_path / 'cfg.py').write_text(f'_base_ = {str(RULE)!r}\n')
    for name in ('a.pth', 'a.onnx', 'a.avi'):
        (tmp_path / name).write_bytes(b'no such file')
    return tmp_path


def snapshot(root):
    """All files, and where links lead."""
    found = {}
    for folder, _, files in os.walk(root, followlinks=True):
        for name in files:
            path = os.path.join(folder, name)
            found[path] = (os.path.islink(path), Path(path).read_bytes())
    return found


@pytest.fixture
def start(call, capsys):
    """Exit code and error messages of a tool."""

    def run(tool, flags, out='OUT'):
        flags = [str(out) if flag == 'OUT' else flag for flag in flags]
        if 'dataset_converters' in tool and 'make_text' not in tool \
                and 'vlf' not in tool and 'synthetic' not in tool:
            flags += ['--workers', 0]
        capsys.readouterr()
        try:
            code = call(tool, *flags)
        except SystemExit as stop:
            code = stop.code
        return code or 0, capsys.readouterr().err

    return run


@pytest.mark.parametrize('link', [False, True])
@pytest.mark.parametrize('source, tool, flags', CASES)
def test_an_output_that_is_a_source(data, start, source, tool, flags, link):
    out = source
    if link:
        out = f'link{Path(source).suffix}'
        os.symlink(data / source, out)
    before = snapshot(data)
    code, text = start(tool, flags, out)
    assert code and 'Traceback' not in text
    assert out in text and source.split('/')[-1] in text
    assert snapshot(data) == before


def test_the_sweep_knows_all_tools():
    """A new tool goes into CASES, or is said to need none."""
    scripts = {
        path.relative_to(ROOT / 'tools').as_posix()
        for path in (ROOT / 'tools').rglob('*.py')
        if 'mappings' not in path.parts
    }
    covered = {tool for _, tool, _ in CASES if not tool.startswith('..')}
    assert scripts == covered | OTHERS and not covered & OTHERS


def test_patches_beside_their_sources(data, start):
    """OUT/vis is the folder of sources itself, or a link to it."""
    flags = ('OUT', *PAIRS, '--size', 8)
    (data / 'linked').mkdir()
    os.symlink(data / 'vis', 'linked/vis')
    before = snapshot(data)
    for out in ('.', 'linked'):
        code, text = start('dataset_converters/make_patches.py', flags, out)
        assert code == 2 and 'apart from the sources' in text
    assert snapshot(data) == before


@pytest.mark.parametrize('flag, source', [('--out', 'data/labels'),
                                          ('--show-dir', 'data/ir')])
def test_scoring(trained, start, tmp_path, flag, source):
    link = tmp_path / 'link'
    os.symlink(trained / source, link)
    before = snapshot(trained / 'data')
    code, text = start(
        'test.py',
        (trained / 'configs/fusers/stage2.py', trained / 'stage2/iter_2.pth',
         '--work-dir', tmp_path / 'work', flag, link))
    assert code == 2 and str(link) in text and str(trained / source) in text
    assert snapshot(trained / 'data') == before


def test_browsing(project, start, tmp_path):
    before = snapshot(tmp_path / 'data')
    code, text = start(
        'analysis_tools/browse_dataset.py',
        (project / 'stage1.py', '--output-dir', tmp_path / 'data/vis'))
    assert code == 2 and 'which is the source' in text
    assert snapshot(tmp_path / 'data') == before


def test_training_keeps_its_config_and_weights(project, start, tmp_path):
    before = snapshot(project)
    code, text = start('train.py',
                       (project / 'stage1.py', '--work-dir', project))
    assert code == 2 and str(project / 'stage1.py') in text
    assert snapshot(project) == before
    for name in ('iter_2.pth', 'best_mIoU_iter_2.pth'):
        (tmp_path / name).write_bytes(b'weights')
        code, text = start('train.py',
                           (project / 'stage1.py', '--work-dir', tmp_path,
                            '--cfg-options', f'load_from={tmp_path}/{name}'))
        assert code == 2 and 'which is the source' in text
        assert (tmp_path / name).read_bytes() == b'weights'


def test_two_results_of_one_file(data, start):
    code, text = start('deployment/export_matrix.py',
                       ('--out', 'a.md', '--json', './a.md'))
    assert code == 2 and 'different names' in text


FOREIGN = [
    ('test_fusion.py', (RULE, *PAIRS, *CPU, '--out-dir', 'OUT'), '001.png'),
    ('test_fusion.py', (RULE, *PAIRS, *CPU, '--out-dir', 'new', '--show-dir',
                        'OUT'), '001.png'),
    ('video_demo.py', (RULE, *PAIRS, '--out', 'OUT'), '000001.png'),
    ('distill/make_teacher.py', (RULE, *PAIRS, *CPU, '--out', 'OUT'),
     '001.png'),
    ('dataset_converters/plain_pairs.py', ('set', 'OUT'), 'vis/test/001.png'),
    ('dataset_converters/msrs.py', ('set', 'OUT'), 'train/label/001.png'),
    ('dataset_converters/msrs.py', ('set', 'OUT', '--maps'),
     'train/bd/001.png'),
    ('dataset_converters/mfnet.py', ('raw', 'OUT', '--with-flip'),
     'ir/001_flip.png'),
    ('dataset_converters/scene_folders.py',
     ('scenes', 'OUT', '--task', 'ivf', '--match', 'v*', 'i*'), 'ir/one.png'),
    ('dataset_converters/make_patches.py', ('OUT', *PAIRS, '--size', 16),
     'ir/001_000_001.png'),
    ('dataset_converters/make_patches.py',
     ('OUT', *PAIRS, '--size', 16, '--format', 'file'), 'patches.txt'),
    ('dataset_converters/make_vlf_h5.py', ('unpack', 'pairs.h5', 'OUT',
                                           '--dataset', 'Tiny'),
     'TextFeature/IVF/Tiny/1.npy'),
    ('dataset_converters/make_text_features.py',
     ('captions.json', 'OUT', '--encoder', 'hash'), '000.npy'),
    ('dataset_converters/make_label_captions.py',
     ('OUT/captions.json', '--vis', 'vis', '--labels',
      'labels'), 'captions.json'),
    ('dataset_converters/make_synthetic_rgbt.py',
     ('--out', 'OUT', '--train', 1, '--val', 0, '--size', 48, 64, '--workers',
      0), 'train/label/00000D.png'),
]


@pytest.mark.parametrize('tool, flags, name', FOREIGN)
def test_files_of_others_are_replaced_on_demand(data, start, tool, flags,
                                                name):
    os.makedirs('scenes/one')
    for kind in ('vis', 'ir'):
        os.symlink(data / kind / '000.png', f'scenes/one/{kind}.png')
    with h5py.File('pairs.h5', 'w') as file:
        for group in ('imageA', 'imageB'):
            file[f'{group}/1'] = np.zeros((1, 24, 32), np.float32)
        file['text/1'] = np.ones((2, 4), np.float32)
    flags = [
        str(flag).replace('OUT', 'out') if isinstance(flag, str) else flag
        for flag in flags
    ]
    place = Path('out', name)
    place.parent.mkdir(parents=True)
    place.write_bytes(b'mine')
    before = snapshot('out')
    code, text = start(tool, flags)
    assert code == 2 and '--overwrite' in text and 'out' in text, text
    assert snapshot('out') == before
    code, text = start(tool, [*flags, '--overwrite'])
    assert not code, text
    assert place.read_bytes() != b'mine'
    code, text = start(tool, flags)  # the folder is the tool's own now
    assert not code, text


def test_label_maps_of_others(trained, start, tmp_path):
    out = tmp_path / 'maps'
    out.mkdir()
    (out / '001.png').write_bytes(b'mine')
    flags = (trained / 'configs/fusers/stage2.py',
             trained / 'stage2/iter_2.pth', '--work-dir', tmp_path / 'work',
             '--out', out)
    code, text = start('test.py', flags)
    assert code == 2 and '--overwrite' in text
    assert (out / '001.png').read_bytes() == b'mine'
    assert start('test.py', (*flags, '--overwrite'))[0] == 0
    assert is_ours(out / '001.png')


def test_annotations_of_others(data, start):
    """A set may come with a JSON of the name that the converter uses."""
    for folder in ('vis', 'ir'):
        (data / 'boxes/train' / folder).mkdir(parents=True)
        os.symlink(data / folder / '000.png', f'boxes/train/{folder}/000.png')
    (data / 'boxes/train/Annotations').mkdir()
    (data / 'boxes/train/Annotations/000.xml').write_text('<annotation/>')
    (data / 'boxes/annotations').mkdir()
    place = data / 'boxes/annotations/train.json'
    place.write_text('{"info": {"description": "published"}}')
    flags = ('voc', 'boxes', '--classes', 'car')
    tool = 'dataset_converters/boxes_to_coco.py'
    code, text = start(tool, flags)
    assert code == 2 and '--overwrite' in text
    assert 'published' in place.read_text()
    assert start(tool, (*flags, '--overwrite'))[0] == 0
    assert start(tool, flags)[0] == 0
    assert json.loads(place.read_text())['categories'][0]['name'] == 'car'
