"""``tools/distill/make_teacher.py``."""
import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusion.distill.teacher_images import image_seed
from mmfusion.distill.teacher_manifest import Manifest, checksum
from tests.support.smooth_pairs import COUNT, smooth_pairs

ROOT = Path(__file__).resolve().parents[2]
BASES = ROOT / 'configs/_base_/models'
PYRAMID = ROOT / 'configs/fusers/laplacian_pyramid.py'
GAUSSIAN = f'{BASES}/ddfm.py@prior:gaussian'


@pytest.fixture
def pairs(tmp_path):
    return smooth_pairs(tmp_path / 'data')


def images(folder):
    return {
        path.name: cv2.imread(str(path))
        for path in sorted(folder.glob('*.png'))
    }


def same(one, two):
    return one.keys() == two.keys() and all(
        np.allclose(one[name], two[name], atol=1) for name in one)


def make(call, config, *flags):
    return call('distill/make_teacher.py', config, '--device', 'cpu', *flags)


def test_teacher_images_and_manifest(call, pairs, capsys):
    assert make(call, PYRAMID, '--data-root', pairs, '--check') == 0
    told = capsys.readouterr().out
    assert '4 of 4 images' in told and 'median of their mean' in told
    out = pairs / 'TEACHER_FUSED'
    made = images(out)
    assert len(made) == COUNT and made['0.png'].shape == (64, 80, 3)
    manifest = json.loads((out / 'manifest.json').read_text())
    assert set(manifest['images']) == {'0', '1', '2', '3'}
    settings = manifest['settings']
    assert settings['teacher'] == 'LaplacianPyramidFuser'
    assert settings['seed'] == 3407 and settings['model_sha256']
    # nothing is made again, but for what is gone or damaged
    (out / '1.png').unlink()
    (out / '2.png').write_bytes(b'damaged')
    before = (out / '0.png').stat().st_mtime_ns
    assert make(call, PYRAMID, '--data-root', pairs) == 0
    assert '2 of them from before' in capsys.readouterr().out
    assert same(images(out), made)
    assert (out / '0.png').stat().st_mtime_ns == before


def test_other_settings_are_refused(call, pairs, capsys):
    assert make(call, PYRAMID, '--data-root', pairs) == 0
    assert make(call, GAUSSIAN, '--data-root', pairs) == 2
    assert 'teacher: ' in capsys.readouterr().err
    flags = ('--data-root', pairs, '--restart', '--steps', 2)
    assert make(call, GAUSSIAN, *flags) == 0
    manifest = json.loads((pairs / 'TEACHER_FUSED/manifest.json').read_text())
    assert manifest['settings']['teacher'] == 'DDFM'


def test_shards_agree_with_one_run(call, pairs, tmp_path):
    vis, ir = pairs / 'VIS', pairs / 'IR'
    flags = ('--vis', vis, '--ir', ir, '--steps', 2, '--seed', 7)
    assert make(call, GAUSSIAN, *flags, '--out', tmp_path / 'one') == 0
    two = tmp_path / 'two'
    assert make(call, GAUSSIAN, *flags, '--out', two, '--shard', '0/2') == 0
    assert not (two / 'manifest.json').exists()
    assert make(call, GAUSSIAN, *flags, '--out', two, '--shard', '1/2') == 0
    assert same(images(two), images(tmp_path / 'one'))
    joined, single = (json.loads((folder / 'manifest.json').read_text())
                      for folder in (two, tmp_path / 'one'))
    assert joined['settings'] == single['settings']
    assert {
        name: item['sha256'] for name, item in joined['images'].items()
    } == {
        name: item['sha256'] for name, item in single['images'].items()
    }
    assert len(list(two.glob('manifest*'))) == 1
    other = ('--vis', vis, '--ir', ir, '--steps', 2, '--seed', 8)
    assert make(call, GAUSSIAN, *other, '--out', tmp_path / 'three') == 0
    assert not same(images(tmp_path / 'three'), images(two))
    assert image_seed(7, 'a') != image_seed(7, 'b') != image_seed(8, 'b')


def test_processes_start_shards(monkeypatch, tmp_path):
    tool = runpy.run_path(str(ROOT / 'tools/distill/make_teacher.py'))
    started = []

    class Job:

        def __init__(self, command, env):
            self.code = len(started)
            started.append((tool['parse_args'](command[2:]), env))

        def wait(self):
            return self.code

    def start(*flags):
        started.clear()
        argv = [
            'cfg.py', '--processes', '4', '--data-root',
            str(tmp_path), *flags
        ]
        assert tool['run_shards'](tool['parse_args'](argv), argv) == 3
        return [args for args, _ in started]

    monkeypatch.setattr('subprocess.Popen', Job)
    monkeypatch.setattr('os.sched_getaffinity', lambda pid: range(9),
                        raising=False)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    shards = start('--restart')
    assert [args.shard for args in shards] == [(n, 4) for n in range(4)]
    assert all(args.processes == 1 and not args.restart for args in shards)
    assert [args.device
            for args in shards] == ['cuda:0', 'cuda:1', 'cuda:0', 'cuda:1']
    assert all(env['OMP_NUM_THREADS'] == '2' for _, env in started)
    for device in ('cpu', 'cuda:1'):
        assert {args.device for args in start('--device', device)} == {device}
    monkeypatch.setattr('torch.cuda.device_count', lambda: 1)
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    assert {args.device for args in start()} == {None}
    assert started[0][1]['OMP_NUM_THREADS'] == '3'


@pytest.mark.parametrize('steps', [1, 2])
def test_restart_of_shards(call, monkeypatch, pairs, capsys, steps):
    """Nothing of an unfinished run counts, of equal or other settings."""

    class Job:

        def __init__(self, command, env=None):
            self.code = call('distill/make_teacher.py', *command[2:])

        def wait(self):
            return self.code

    monkeypatch.setattr('subprocess.Popen', Job)
    out, source = pairs / 'TEACHER_FUSED', pairs / 'IR/3.png'
    whole = source.read_bytes()
    source.write_bytes(b'no image')
    base = ('--data-root', pairs, '--processes', 2)
    assert make(call, GAUSSIAN, *base, '--steps', 1) == 1
    assert len(list(out.glob('manifest.*-of-2.json'))) == 2
    part = out / 'manifest.1-of-2.json'
    stale = json.loads(part.read_text())
    stale['images']['3'] = stale['images']['1']  # it looks complete
    part.write_text(json.dumps(stale))
    source.write_bytes(whole)
    for image in out.glob('*.png'):  # only a restart makes these again
        image.write_bytes(b'old')
    again = (*base, '--steps', steps)
    # the last shard fails, and the run is gone on with later
    source.write_bytes(b'no image')
    assert make(call, GAUSSIAN, *again, '--restart') == 1
    assert not (out / 'manifest.json').exists()
    source.write_bytes(whole)
    assert make(call, GAUSSIAN, *again) == 0
    assert [path.name for path in out.glob('manifest*')] == ['manifest.json']
    manifest = json.loads((out / 'manifest.json').read_text())
    assert set(manifest['images']) == {'0', '1', '2', '3'}
    for stem, item in manifest['images'].items():
        assert checksum(out / f'{stem}.png') == item['sha256']
    with pytest.raises(SystemExit):
        make(call, GAUSSIAN, '--data-root', pairs, '--restart', '--shard',
             '0/2')
    assert 'manifest*.json once' in capsys.readouterr().err


def test_manifests_of_shards_are_joined_with_care(tmp_path, capsys,
                                                  monkeypatch):
    for name in 'ab':
        (tmp_path / f'{name}.png').write_bytes(name.encode())

    def shard(index, seed=1):
        return Manifest(tmp_path, dict(seed=seed), (index, 2))

    def made(index, seed=1):
        manifest, name = shard(index, seed), 'ab'[index]
        manifest.add(name, tmp_path / f'{name}.png', 0.)
        manifest.save()
        return manifest

    made(1, seed=2)
    first = made(0)
    assert first.join('ab') is None
    assert 'not joined: ' in capsys.readouterr().err
    (tmp_path / 'manifest.1-of-2.json').unlink()
    second = made(1)
    # the other shard has joined both and removed its part meanwhile
    assert first.join('ab') == tmp_path / 'manifest.json'
    assert second.join('ab') == tmp_path / 'manifest.json'
    # a file that goes between a look and the reading of it
    monkeypatch.setattr(Path, 'is_file', lambda path: True)
    (tmp_path / 'manifest.json').unlink()
    assert shard(0).images == {}


def test_sampler_flags(call, pairs, tmp_path, capsys):
    base = ('--data-root', pairs, '--limit', 1, '--restart')
    out = pairs / 'TEACHER_FUSED'
    seen = []
    for flags in (('--steps', 2), ('--steps', 3), ('--norm', 'minmax'),
                  ('--num-samples', 2), ('--color', 'gray'),
                  ('--num-samples', 3, '--reduce', 'median')):
        flags = ('--steps', 2, *flags)
        assert make(call, GAUSSIAN, *base, *flags) == 0, flags
        image = images(out)['0.png']
        assert not any(np.array_equal(image, other) for other in seen), flags
        seen.append(image)
    # one of two samples, of which the mean is known, too
    assert make(call, GAUSSIAN, *base, '--steps', 2, '--num-samples', 2,
                '--reduce', 'best-qabf') == 0
    best, first, mean = (image.astype(int)
                         for image in (images(out)['0.png'], seen[0], seen[3]))
    assert min(
        np.abs(best - first).max(),
        np.abs(best - (2 * mean - first)).max()) <= 2
    for flags in (('--tile', 32, 8), ('--fp16', )):
        assert make(call, GAUSSIAN, *base, '--steps', 1, *flags) == 0
    assert make(call, PYRAMID, *base, '--color', 'vis-chroma', '--norm',
                'minmax') == 0
    capsys.readouterr()
    for flags, told in ((('--steps', 2), 'no meaning for'),
                        (('--num-samples', 2), 'draws noise'),
                        (('--save-features', 'x'), '--save-features')):
        assert make(call, PYRAMID, *base, *flags) == 2
        assert told in capsys.readouterr().err


def test_features_are_written(call, pairs, tmp_path, capsys):
    config = tmp_path / 'teacher.py'
    config.write_text("model = dict(type='ImageFuser', fuser=dict("
                      "type='MMDRFuseTeacher', channels=(4, 6)))")
    flags = ('--data-root', pairs, '--save-features', 'module.encoder.3')
    assert make(call, config, *flags) == 2  # random weights
    assert make(call, config, *flags, '--allow-random') == 0
    folder = pairs / 'TEACHER_FUSED_features'
    with np.load(folder / '0.npz') as file:
        assert file['feature'].shape == (6, 32, 40)
        assert file['feature'].dtype == np.float16
        before = file['feature']
    # nothing is made again, but for features that are gone or damaged
    flags += ('--allow-random', '--cfg-options', 'randomness.seed=0')
    (folder / '0.npz').unlink()
    (folder / '1.npz').write_bytes(b'damaged')
    assert make(call, config, *flags) == 0
    assert '2 of them from before' in capsys.readouterr().out
    with np.load(folder / '0.npz') as file:
        assert file['feature'].shape == before.shape


@pytest.mark.parametrize('reduce', ['mean', 'median', 'best-qabf'])
def test_features_are_reduced_as_the_images(call, pairs, reduce):
    assert make(call, GAUSSIAN, '--data-root', pairs, '--limit', 1, '--steps',
                2, '--num-samples', 3, '--reduce', reduce, '--save-features',
                'fused') == 0
    image = images(pairs / 'TEACHER_FUSED')['0.png'][..., ::-1]
    with np.load(pairs / 'TEACHER_FUSED_features/0.npz') as file:
        fused = 255 * file['feature'].astype(np.float32).transpose(1, 2, 0)
    assert np.abs(fused - image).max() < 0.7


def test_bad_pairs_do_not_stop_the_rest(call, pairs, capsys):
    (pairs / 'IR/1.png').write_bytes(b'no image')
    (pairs / 'VIS/lonely.png').write_bytes(b'')
    assert make(call, PYRAMID, '--data-root', pairs, '--check') == 1
    told = capsys.readouterr().err
    assert 'failed: 1:' in told and 'lonely.png' in told
    assert 'missing:' in told
    assert sorted(images(pairs /
                         'TEACHER_FUSED')) == ['0.png', '2.png', '3.png']


@pytest.mark.parametrize(
    'flags', [('--shard', '2/2', '--data-root', 'x'), ('--vis', 'x'),
              ('--data-root', 'x', '--vis', 'y'),
              ('--data-root', 'x', '--limit', '0'),
              ('--data-root', 'x', '--processes', '2', '--shard', '0/2')])
def test_flags_that_do_not_fit(call, flags):
    with pytest.raises(SystemExit):
        make(call, PYRAMID, *flags)


def test_all_flags_are_tested():
    tool = (ROOT / 'tools/distill/make_teacher.py').read_text()
    text = Path(__file__).read_text()
    flags = [
        line.split("'")[1] for line in tool.splitlines()
        if line.strip().startswith("add('--")
    ]
    assert len(flags) > 10
    assert not [
        flag for flag in flags if flag not in text and flag != '--cfg-options'
    ]
