"""Fused files: which ones, how large, how quantized, and bad pairs."""
import csv
import json

import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis.fused_image import to_uint8
from mmfusion.apis.inferencer import FusionInferencer
from mmfusion.evaluation import compute, scenes
from tests.support import tiny_project


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def names(folder):
    """Also finds hidden left-overs of interrupted writes."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def fuse(trained, call):
    """Run ``test_fusion.py`` on a trained stage; give the exit code."""

    def run(*flags, stage='stage1', checkpoint=None):
        return call('test_fusion.py',
                    trained / 'configs' / 'fusers' / f'{stage}.py',
                    trained / (checkpoint or stage) / 'iter_2.pth', '--device',
                    'cpu', *flags)

    return run


@pytest.fixture
def folders(tmp_path):
    """Two folders of three pairs, and an output folder."""
    tiny_project.write_pairs(tmp_path)
    return tmp_path / 'vis', tmp_path / 'ir', tmp_path / 'out'


def test_fusion_set_of_the_config(trained, fuse, tmp_path):
    assert fuse('--out-dir', tmp_path / 'out') == 0
    assert names(tmp_path / 'out') == ['000.png', '001.png', '002.png']
    image = read(tmp_path / 'out' / '001.png')
    assert image.shape == (*tiny_project.SIZE, 3) and image.dtype == np.uint8
    # the file holds what the model gives, in OpenCV's order
    config = trained / 'configs' / 'fusers' / 'stage1.py'
    infer = FusionInferencer(config, trained / 'stage1' / 'iter_2.pth', 'cpu')
    data = trained / 'data'
    result = infer(data / 'vis' / '001.png', data / 'ir' / '001.png')
    np.testing.assert_allclose(image[..., ::-1], result['fused'], atol=1)


def test_default_output_folder(fuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fuse() == 0
    assert len(names(tmp_path / 'work_dirs' / 'stage1' / 'test_result')) == 3


def test_test_set_serves_where_there_is_no_fusion_set(fuse, tmp_path):
    assert fuse('--out-dir', tmp_path / 'out', stage='stage2') == 0
    assert len(names(tmp_path / 'out')) == 3


def test_folders_of_other_suffixes(fuse, folders):
    vis, ir, out = folders
    for path in list(vis.iterdir()):
        cv2.imwrite(str(path.with_suffix('.JPG')), read(path))
        path.unlink()
    assert fuse('--vis', vis, '--ir', ir, '--save-fused', out) == 0
    assert names(out) == ['000.png', '001.png', '002.png']


NAMES = ['EN', 'SD', 'SF', 'CC', 'MI']


def saved_scores(out):
    content = json.loads((out / 'fusion_metrics.json').read_text())
    with open(out / 'fusion_metrics.csv', newline='') as file:
        return content, list(csv.DictReader(file))


@pytest.mark.parametrize('flags', [[], ['--save-mode', 'minmax'], ['--grey']])
def test_scores_are_those_of_the_files(fuse, folders, capsys, flags):
    vis, ir, out = folders
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, '--eval', 'EN,SD',
                'SF', 'CC', 'MI', *flags) == 0
    content, rows = saved_scores(out)
    assert [row['image'] for row in rows] == ['000', '001', '002']
    for row in rows:
        fused, seen, heat = (read(folder / f'{row["image"]}.png')
                             for folder in (out, vis, ir))
        if fused.ndim == 3:
            fused = np.ascontiguousarray(fused[..., ::-1])
        want = compute(fused, (heat, np.ascontiguousarray(seen[..., ::-1])),
                       NAMES)
        assert {
            name: float(row[name]) for name in NAMES
        } == (pytest.approx(want, rel=1e-12))
    mean = content['methods']['out']['mean']
    for name in NAMES:
        assert mean[name] == pytest.approx(
            np.mean([float(row[name]) for row in rows]))
    text = capsys.readouterr().out
    assert '| out: 3 images | mean |' in text and 'EN ↑' in text
    assert names(out) == [
        '000.png', '001.png', '002.png', 'fusion_metrics.csv',
        'fusion_metrics.json'
    ]


def test_scores_of_a_config_s_set_of_raw_files(trained, fuse, tmp_path):
    """Four-channel files, of which the pipeline knows both parts."""
    (tmp_path / 'data' / 'images').mkdir(parents=True)
    tiny_project.write_pairs(tmp_path / 'data')
    for index in range(3):
        name = f'{index:03d}.png'
        both = np.dstack(
            [read(tmp_path / 'data' / kind / name) for kind in ('vis', 'ir')])
        cv2.imwrite(str(tmp_path / 'data' / 'images' / name), both)
    (trained / 'configs' / 'fusers' / 'raw.py').write_text(
        '_base_ = "./stage1.py"\n'
        'fusion_dataloader = dict(dataset=dict(\n'
        f'    data_root="{tmp_path}/data", data_prefix=dict(\n'
        '        vis_path="images", ir_path="images")))\n')
    assert fuse('--out-dir', tmp_path / 'raw', '--eval', *NAMES, stage='raw',
                checkpoint='stage1') == 0
    assert fuse('--vis', tmp_path / 'data' / 'vis', '--ir',
                tmp_path / 'data' / 'ir', '--out-dir', tmp_path / 'pairs',
                '--eval', *NAMES) == 0
    raw, pairs = ([{
        key: row[key] for key in ('image', *NAMES)
    } for row in saved_scores(tmp_path / name)[1]]
                  for name in ('raw', 'pairs'))
    assert raw == pairs


def test_scores_of_many_images_use_processes(fuse, folders, monkeypatch):
    vis, ir, out = folders
    monkeypatch.setattr('mmfusion.apis.fused_scores.MANY', 2)
    monkeypatch.setattr('mmfusion.apis.fused_scores.available_cores',
                        lambda: 2)
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, '--eval',
                'EN') == 0
    assert [row['image']
            for row in saved_scores(out)[1]] == ['000', '001', '002']


def test_unknown_metrics_are_noticed_before_anything_is_fused(
        fuse, folders, capsys):
    vis, ir, out = folders
    for words in (['EN,beauty'], ['film', 'vifb']):
        assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, '--eval',
                    *words) == 2
        text = capsys.readouterr().err
        assert text.startswith('error: Expected --eval with a preset')
        assert words[0].split(',')[-1] in text
    assert not out.exists()


def test_what_cannot_be_scored_is_named(fuse, folders, capsys, monkeypatch):
    vis, ir, out = folders
    scored = scenes.compute

    def picky(fused, *args, **kwargs):
        if (fused == read(out / '001.png')[..., ::-1]).all():
            raise ValueError('too beautiful')
        return scored(fused, *args, **kwargs)

    monkeypatch.setattr(scenes, 'compute', picky)
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, '--eval',
                'EN') == 1
    captured = capsys.readouterr()
    assert 'failed: 001: too beautiful' in captured.err
    assert 'fused 3 of 3 pairs' in captured.out
    assert [row['image'] for row in saved_scores(out)[1]] == ['000', '002']


def test_unmatched_files_are_named(fuse, folders, capsys):
    vis, ir, out = folders
    (ir / '001.png').unlink()
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out) == 1
    assert names(out) == ['000.png', '002.png']
    text = capsys.readouterr().err
    assert f'no partner: {vis / "001.png"}' in text


def test_one_bad_pair_does_not_stop_the_others(fuse, folders, capsys):
    vis, ir, out = folders
    content = (vis / '001.png').read_bytes()
    (vis / '001.png').write_bytes(content[:len(content) // 2])
    cv2.imwrite(str(ir / '002.png'), np.zeros((8, 8), np.uint8))
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out) == 1
    assert names(out) == ['000.png']
    captured = capsys.readouterr()
    assert 'failed: 001: ' in captured.err and 'truncated' in captured.err
    assert 'failed: 002: ' in captured.err
    assert 'fused 1 of 3 pairs' in captured.out


def test_bad_pair_of_a_config_s_set(trained, call, tmp_path, capsys):
    configs = tiny_project.make_project(tmp_path)
    (tmp_path / 'data' / 'ir' / '000.png').write_bytes(b'')
    assert call('test_fusion.py', configs / 'stage1.py',
                trained / 'stage1' / 'iter_2.pth', '--out-dir',
                tmp_path / 'out', '--device', 'cpu') == 1
    assert names(tmp_path / 'out') == ['001.png', '002.png']
    assert 'failed: 000: ' in capsys.readouterr().err


def test_sub_folders_are_kept(fuse, folders):
    vis, ir, out = folders
    for folder in (vis, ir):
        (folder / 'night').mkdir()
        (folder / '001.png').rename(folder / 'night' / '001.png')
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out) == 0
    assert (out / 'night' / '001.png').is_file()


def test_folders_keep_their_size_behind_a_resizing_pipeline(
        trained, fuse, folders):
    vis, ir, out = folders
    (trained / 'configs' / 'fusers' / 'smaller.py').write_text(
        '_base_ = "./stage1.py"\n'
        'resize = dict(type="Resize", scale=(28, 20))\n'
        'fusion_dataloader = dict(dataset=dict(pipeline=[\n'
        '    _base_.load[0], resize, *_base_.pack]))\n')
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out) == 0
    plain = read(out / '000.png')
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, stage='smaller',
                checkpoint='stage1') == 0
    np.testing.assert_allclose(read(out / '000.png'), plain, atol=1)


@pytest.mark.parametrize('mode', ['round', 'minmax', 'trunc'])
def test_save_modes(fuse, folders, mode):
    vis, ir, out = folders
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, '--save-mode',
                mode) == 0
    image = read(out / '000.png')
    if mode == 'minmax':
        assert image.min() == 0 and image.max() == 255


def test_grey(fuse, folders):
    vis, ir, out = folders
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, '--grey') == 0
    assert read(out / '000.png').shape == tiny_project.SIZE


def test_panels(fuse, folders, tmp_path):
    vis, ir, out = folders
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out, '--show-dir',
                tmp_path / 'panels') == 0
    assert names(tmp_path / 'panels') == names(out)
    assert read(tmp_path / 'panels' / '000.png').shape[1] > 3 * 56


def test_a_fuser_s_checkpoint_with_a_segmenter_s_config(
        fuse, folders, tmp_path, capsys):
    vis, ir, out = folders
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out) == 0
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', tmp_path / 'two',
                stage='stage2', checkpoint='stage1') == 0
    assert 'fuser only' in capsys.readouterr().err
    for name in names(out):
        np.testing.assert_allclose(read(out / name),
                                   read(tmp_path / 'two' / name), atol=1)


def test_a_segmenter_s_checkpoint_with_a_fuser_s_config(fuse, folders, capsys):
    vis, ir, out = folders
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out,
                checkpoint='stage2') == 0
    assert 'no segmentor' in capsys.readouterr().err


def test_wrong_folders(fuse, folders, tmp_path, capsys):
    vis, ir, out = folders
    (tmp_path / 'empty').mkdir()
    assert fuse('--vis', vis, '--ir', tmp_path / 'empty') == 2
    assert 'got none' in capsys.readouterr().err
    assert fuse('--vis', tmp_path / 'none', '--ir', ir) == 2
    assert str(tmp_path / 'none') in capsys.readouterr().err
    for path in list(ir.iterdir()):
        path.rename(path.with_stem(f'thermal{path.stem}'))
    assert fuse('--vis', vis, '--ir', ir, '--out-dir', out) == 2
    assert 'equal stems' in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize('tool', ['test_fusion.py', 'train.py'])
def test_an_exported_file_alone(call, tmp_path, capsys, tool):
    (tmp_path / 'model.onnx').write_bytes(b'x')
    assert call(tool, tmp_path / 'model.onnx') == 2
    text = capsys.readouterr().err
    assert text.startswith('error: Expected a config (.py')
    assert 'model.onnx. Name the config first' in text
    assert text.count('\n') == 1


def test_nothing_to_fuse(trained, call, capsys):
    (trained / 'configs' / 'fusers' / 'no_data.py'
     ).write_text('_base_ = "./stage1.py"\nfusion_dataloader = None\n')
    assert call('test_fusion.py',
                trained / 'configs' / 'fusers' / 'no_data.py',
                trained / 'stage1' / 'iter_2.pth') == 2
    assert '--vis DIR' in capsys.readouterr().err


def test_modes_against_the_formulas():
    """numpy versions of what the authors' tools compute."""
    generator = torch.Generator().manual_seed(0)
    fused = torch.rand(3, 7, 9, generator=generator) * 1.4 - 0.2
    clamped = fused.numpy().clip(0, 1).transpose(1, 2, 0)
    low, high = clamped[clamped > 0].min() * 0, clamped.max()
    expected = dict(
        round=np.rint(clamped * np.float32(255)),
        trunc=np.floor(clamped * np.float32(255)),
        minmax=np.floor(np.float32(255) * ((clamped - low) / (high - low))))
    for mode, values in expected.items():
        np.testing.assert_array_equal(to_uint8(fused, mode),
                                      values.astype(np.uint8), err_msg=mode)


def test_minmax_uses_one_range_for_all_channels():
    fused = torch.tensor([0.25, 0.5, 0.75]).view(3, 1, 1).repeat(1, 2, 2)
    assert to_uint8(fused, 'minmax')[0, 0].tolist() == [0, 127, 255]


def test_constant_image_is_not_stretched():
    fused = torch.full((3, 2, 2), 0.5)
    assert (to_uint8(fused, 'minmax') == 127).all()


def test_grey_is_the_luminance():
    fused = torch.tensor([1.0, 0.5, 0.0]).view(3, 1, 1)
    assert to_uint8(
        fused, grey=True).tolist() == [[round(255 * (0.299 + 0.587 * 0.5))]]


@pytest.mark.parametrize('fused, mode', [(torch.zeros(1, 4, 4), 'round'),
                                         (torch.zeros(3, 4, 4), 'other')])
def test_bad_input(fused, mode):
    with pytest.raises(ValueError, match='Expected'):
        to_uint8(fused, mode)
