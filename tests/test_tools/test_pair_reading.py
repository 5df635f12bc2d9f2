"""One reading of a pair: whatever reads it gives the numbers of the plain
8-bit pair that says the same."""
import csv
import json
import runpy
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmfusion.apis import FusionInferencer
from mmfusion.apis.model_loading import init_model
from mmfusion.apis.pairs import match_folders
from mmfusion.cli.flags import build_parser
from mmfusion.cli.legacy import read_config
from mmfusion.datasets.transforms import LoadFusionAnnotations
from mmfusion.deployment import compare_models
from mmfusion.utils.loading_steps import stated_loading
from tests.support.pair_twins import CONFIG, HIGH, KINDS, LOW, write_twins

ROOT = Path(__file__).resolve().parents[2]
METRICS = ['EN', 'MI', 'SCD', 'VIF']
FLAGS = dict(uint16_range=['--uint16-range', LOW, HIGH],
             on_size_mismatch=['--on-size-mismatch', 'resize_ir'])


class Case:
    """One kind of pairs, and how a tool is told of it."""

    def __init__(self, root, out, call, capsys, kind, by_config=False):
        self.out, self.call, self.capsys = out, call, capsys
        self.data, self.plain = root / kind, root / 'plain'
        self.checkpoint = root / 'weights.pth'
        stated = KINDS.get(kind, {})
        self.flags = [] if by_config else [
            flag for key in stated for flag in FLAGS[key]
        ]
        self.stated = stated if by_config else {}
        self.config = out / 'config.py'
        self.config.write_text(
            CONFIG.format(root=str(self.data), metrics=METRICS,
                          loading=self.stated))

        self.loading = {} if by_config else stated

    def run(self, tool, *flags):
        assert self.call(tool, *flags, *self.flags) == 0

    @property
    def pairs(self):
        return '--vis', self.data / 'VIS', '--ir', self.data / 'IR'

    @property
    def model(self):
        return self.config, self.checkpoint

    @property
    def cfg(self):
        parser = build_parser('test_fusion')
        return read_config(
            parser.parse_args([str(self.config), *map(str, self.flags)]))


def images(folder):
    return np.stack(
        [cv2.imread(str(path)) for path in sorted(folder.rglob('*.png'))])


def means(file):
    with open(file, newline='') as text:
        rows = list(csv.DictReader(text))
    return [
        np.mean([float(row[name]) for row in rows]) for name in METRICS
        if name in rows[0]
    ]


def fused_folders(case):
    case.run('test_fusion.py', *case.model, *case.pairs, '--out-dir',
             case.out / 'fused', '--eval', *METRICS, '--device', 'cpu')
    return means(case.out / 'fused/fusion_metrics.csv')


def fusion_set(case):
    """The set of the config, with panels."""
    case.run('test_fusion.py', *case.model, '--out-dir', case.out / 'fused',
             '--show-dir', case.out / 'panels', '--eval', *METRICS, '--device',
             'cpu')
    assert len(images(case.out / 'panels')) == 2
    return means(case.out / 'fused/fusion_metrics.csv')


def validation(case):
    case.run('test.py', *case.model, '--work-dir', case.out, '--eval',
             'fusion')
    return means(case.out / 'fusion_metrics.csv')


def folders(case):
    case.run('analysis_tools/evaluate_fusion.py', '--fused',
             case.plain / 'VIS', *case.pairs, '--metrics', *METRICS,
             '--workers', 1, '--out', case.out / 'scores')
    return means(case.out / 'scores/per_image.csv')


def benchmark(case):
    case.run('analysis_tools/benchmark_methods.py', 'baseline:average',
             f'net={case.config}={case.checkpoint}', '--data',
             f'a={case.data}/VIS,{case.data}/IR', '--out', case.out / 'b',
             '--metrics', *METRICS, '--runs', 1, '--shape', 32, 40, '--device',
             'cpu')
    report = json.loads((case.out / 'b/report.json').read_text())
    return [
        value for method in report['values']['a'].values()
        for column in method.values() for value in column
    ]


def accuracy(case):
    model = init_model(case.cfg, case.checkpoint)
    pairs, _ = match_folders(case.data / 'VIS', case.data / 'IR')
    found = compare_models(model, dict(same=model), pairs, 'film')
    return [value['reference'] for value in found['same']['metrics'].values()]


def distillation(case):
    case.run('distill/eval.py', '--checkpoint', case.checkpoint, '--config',
             case.config, '--data_root', case.data, '--save_dir',
             case.out / 'd', '--num_workers', 0, '--device', 'cpu')
    return [
        json.loads((case.out / 'd/metrics.json').read_text())['metrics'][key]
        for key in ('EN', 'SD', 'SF', 'AG')
    ]


def teacher(case):
    case.run('distill/make_teacher.py', *case.model, *case.pairs, '--out',
             case.out / 't', '--device', 'cpu')
    return images(case.out / 't')


def video(case):
    case.run('video_demo.py', *case.model, *case.pairs, '--out',
             case.out / 'v', '--device', 'cpu')
    return images(case.out / 'v')


def statistics(case):
    case.run('analysis_tools/fused_mean_std.py', *case.model, '--device',
             'cpu')
    return [
        float(word) for line in case.capsys.readouterr().out.splitlines()
        if line.startswith('task_')
        for word in line[line.index('[') + 1:-2].split(',')
    ]


def browsing(case):
    case.run('analysis_tools/browse_dataset.py', case.config, '--output-dir',
             case.out / 'p', '--phase', 'test')
    return images(case.out / 'p')


def inferencer(case):
    fuse = FusionInferencer(case.config, case.checkpoint, device='cpu',
                            loading=case.loading)
    done = fuse(case.data / 'VIS', case.data / 'IR')
    return np.stack([result['fused'] for result in done])


def patches(case):
    case.run('dataset_converters/make_patches.py', case.out / 'm', *case.pairs,
             '--size', 20, '--workers', 0)
    return images(case.out / 'm')


def picture(case):
    main = runpy.run_path(str(ROOT / 'demo/image_demo.py'))['main']
    name = '0.tiff' if case.data.name == 'deep' else '0.png'
    main([
        str(word)
        for word in (case.data / 'VIS/0.png', case.data / 'IR' / name,
                     *case.model, '--out', case.out / 'fused.png', *case.flags)
    ])
    return cv2.imread(str(case.out / 'fused.png'))


WITH_CONFIG = (fused_folders, fusion_set, validation, benchmark, accuracy,
               distillation, teacher, video, statistics, browsing, inferencer,
               picture)
WITHOUT = (folders, patches)
_PLAIN: dict = {}


@pytest.fixture(scope='module')
def twins(tmp_path_factory):
    root = tmp_path_factory.mktemp('twins')
    write_twins(root)
    config = root / 'config.py'
    config.write_text(CONFIG.format(root='', metrics=METRICS, loading={}))
    torch.manual_seed(0)
    model = init_model(config, optimize=False)
    torch.save(dict(state_dict=model.state_dict()), root / 'weights.pth')
    return root


@pytest.fixture
def compare(twins, tmp_path, call, capsys):
    """Whether a tool makes the same of a kind of pairs as of plain ones."""

    def run(tool, kind, by_config=False):
        for name in ('plain', kind):
            (tmp_path / name).mkdir()
        if tool not in _PLAIN:
            _PLAIN[tool] = tool(
                Case(twins, tmp_path / 'plain', call, capsys, 'plain'))
        got = tool(Case(twins, tmp_path / kind, call, capsys, kind, by_config))
        np.testing.assert_allclose(got, _PLAIN[tool], rtol=1e-9)
        assert np.std(got) > 0

    return run


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('tool', WITH_CONFIG + WITHOUT,
                         ids=lambda tool: tool.__name__)
def test_flags(compare, tool, kind):
    compare(tool, kind)


@pytest.mark.parametrize('tool', WITH_CONFIG, ids=lambda tool: tool.__name__)
def test_config(compare, tool):
    """What the config states needs no flag."""
    compare(tool, 'deep', by_config=True)


def test_palette_label(twins, tmp_path, call):
    """A label map with a palette is the map of its indices."""
    labels = np.random.RandomState(0).randint(0, 5, (44, 56)).astype(np.uint8)
    coloured = Image.fromarray(labels, 'P')
    coloured.putpalette(np.random.RandomState(1).bytes(768))
    found = []
    for name, image in (('plain', Image.fromarray(labels)), ('palette',
                                                             coloured)):
        folder = tmp_path / name
        shutil.copytree(twins / 'plain/VIS', folder / 'vis')
        shutil.copytree(twins / 'plain/IR', folder / 'ir')
        (folder / 'label').mkdir()
        for stem in '01':
            image.save(folder / f'label/{stem}.png')
        results = LoadFusionAnnotations()(
            dict(seg_map_path=str(folder / 'label/0.png')))
        found.append(results['gt_seg_map'])
        assert call('dataset_converters/plain_pairs.py', folder,
                    tmp_path / f'{name}_out', '--num-classes', 5, '--workers',
                    0) == 0
    np.testing.assert_array_equal(*found)


def test_pairs_of_two_sizes_are_placed(twins, tmp_path, call, capsys):
    """Converters that keep files take such pairs where they are told to."""
    shutil.copytree(twins / 'sizes/VIS', tmp_path / 'set/vis')
    shutil.copytree(twins / 'sizes/IR', tmp_path / 'set/ir')
    flags = [tmp_path / 'set', tmp_path / 'out', '--workers', 0]
    tool = 'dataset_converters/plain_pairs.py'
    assert call(tool, *flags) == 1
    assert '--on-size-mismatch' in capsys.readouterr().err
    assert call(tool, *flags, '--on-size-mismatch', 'resize_ir') == 0
    assert len(list((tmp_path / 'out/ir').iterdir())) == 2
    scene = tmp_path / 'set/scenes/one'
    scene.mkdir(parents=True)
    for name in ('VIS', 'IR'):
        shutil.copy(twins / f'sizes/{name}/0.png', scene / f'{name}.png')
    assert call('dataset_converters/scene_folders.py', scene.parent,
                tmp_path / 'scenes', '--task', 'ivf', '--match', 'VIS*', 'IR*',
                '--workers', 0, '--on-size-mismatch', 'resize_ir') == 0


def test_training_in_two_stages(project, call, monkeypatch):
    """Both stages load by the flags."""
    seen = []

    def run_training(cfg):
        seen.append(stated_loading(cfg))
        checkpoint = project.parents[1] / 'stage1/iter_2.pth'
        checkpoint.parent.mkdir(exist_ok=True)
        torch.save(dict(state_dict={}), checkpoint)

    monkeypatch.setattr('mmfusion.apis.training.run_training', run_training)
    assert call('train.py', project / 'stage2.py', '--two-stage',
                '--on-size-mismatch', 'resize_ir') == 0
    assert seen == [dict(on_size_mismatch='resize_ir')] * 2


@pytest.mark.parametrize('tool', [
    fused_folders, fusion_set, validation, folders, benchmark, video, teacher
], ids=lambda tool: tool.__name__)
def test_lost_counts_are_told_once(twins, tmp_path, call, capsys, tool):
    case = Case(twins, tmp_path, call, capsys, 'deep')
    case.flags = []
    with pytest.warns() as told:
        tool(case)
    lines = [
        str(item.message) for item in told if 'uint16' in str(item.message)
    ]
    assert len(lines) == 1 and '--uint16-range LOW HIGH' in lines[0]
    assert 'less than 5 %' in lines[0] and '.tiff' in lines[0]


def test_configs_that_read_differently(twins, tmp_path, call, capsys):
    """One table needs one reading of its sources."""
    flags = []
    for name, limits in (('a', (LOW, HIGH)), ('b', (0, 9000))):
        (tmp_path / name).mkdir()
        case = Case(twins, tmp_path / name, call, capsys, 'deep')
        case.config.write_text(
            CONFIG.format(root='', metrics=METRICS,
                          loading=dict(uint16_range=limits)))
        flags.append(f'{name}={case.config}={case.checkpoint}')
    assert call('analysis_tools/benchmark_methods.py', *flags, '--data',
                f's={case.data}/VIS,{case.data}/IR', '--out',
                tmp_path / 'o') == 2
    text = capsys.readouterr().err
    assert '--uint16-range' in text and '(7000, 9040)' in text
