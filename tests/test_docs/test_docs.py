"""The documentation's code runs and the files it names exist."""
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmfusion.datasets import PairedImageDataset
from mmfusion.functional import FUSION_METRICS
from mmfusion.models.fusers import BaseFuser
from mmfusion.registry import DATASETS, MODELS
from mmfusion.tasks import TASKS
from mmfusion.utils import register_all_modules
from tests.support.guides import code_blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([
    *ROOT.glob('docs/*.md'), *ROOT.glob('configs/**/README.md'),
    ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'SECURITY.md'
])
RUN_PAGES = [
    *(page.stem for page in PAGES if page.stem.startswith('write_a_')),
    'evaluation'
]


@pytest.mark.parametrize('page', PAGES, ids=lambda p: p.name)
def test_named_files_exist(page):
    """Paths in code spans and commands, and relative links."""
    text = page.read_text()
    named = set(
        re.findall(
            r'(?:configs|tools|benchmarks|docs|demo|mmfusion|tests)'
            r'/[\w./-]+\.(?:py|sh|md|yml|png|jpg)', text))
    missing = [name for name in named if not (ROOT / name).exists()]
    links = re.findall(r'\]\((?!https?:|#)([^)#\s]+)', text)
    missing += [link for link in links if not (page.parent / link).exists()]
    assert not missing


@pytest.fixture
def registered(monkeypatch):
    """What a test registers is forgotten."""
    register_all_modules(init_default_scope=False)
    for registry in (MODELS, DATASETS):
        monkeypatch.setattr(registry, '_module_dict',
                            dict(registry.module_dict))
    known = dict(FUSION_METRICS)
    yield
    FUSION_METRICS.clear()
    FUSION_METRICS.update(known)


@pytest.mark.usefixtures('registered')
@pytest.mark.parametrize('page', RUN_PAGES)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """Blocks of a page share one namespace, as a reader's session does."""
    monkeypatch.chdir(tmp_path)
    space = dict(torch=torch)
    for block in code_blocks(f'docs/{page}.md'):
        if not re.search(r'^(_base_|custom_imports) =', block, flags=re.M):
            exec(compile(block, page, 'exec'), space)
    if page == 'write_a_loss':
        cfg = dict(space['model'])
        cfg['fuser'] = dict(type='TransFuser6', stem_channels=4,
                            channels=(4, 4, 8, 8), heads=(1, 1, 2, 2))
        losses = MODELS.build(cfg)(torch.rand(2, 4, 32, 32), mode='loss')
        assert set(losses) == {'loss_maximum', 'loss_gradient'}


def test_every_metric_has_a_row():
    """What it makes of several sources, and of borders."""
    text = (ROOT / 'docs/evaluation.md').read_text()
    table = text.partition('## Sources and borders')[2].partition('## ')[0]
    named = re.findall(
        r'`(\w+)`', ''.join(re.findall(r'^\| (`[^|]*)\|', table, flags=re.M)))
    assert sorted(named) == sorted(
        {spec.name for spec in FUSION_METRICS.values()})


def test_every_task_and_data_set_is_documented():
    """The table of tasks says what the tasks are."""
    text = (ROOT / 'docs/tasks_and_datasets.md').read_text()
    for name, task in TASKS.items():
        row = next(line for line in text.splitlines()
                   if line.startswith(f'| `{name}`'))
        colour = dict(weighted='both, weighted').get(
            task.colour, f'`{task.colour}`'
            if task.colour in task.modalities else task.colour)
        pair = ', '.join(f'`{modality}` ({count})'
                         for modality, count in task.modalities.items())
        assert f'| {pair} | `{task.visible}` | {colour} |' in row
    DATASETS.import_all_files()
    classes = [
        name for name, cls in DATASETS.module_dict.items()
        if issubclass(cls, PairedImageDataset)
    ]
    assert len(classes) >= 13
    assert not [
        name for name in classes
        if f'`{name}`' not in text and name != 'PairedImageDataset'
    ]


def test_every_fuser_is_described():
    """What it is for, when to take it, what it was held against."""
    pages = [ROOT / 'docs/methods.md', ROOT / 'docs/zoo.md']
    text = ''.join(page.read_text() for page in pages)
    fusers = {
        name for name, kind in MODELS.module_dict.items()
        if issubclass(kind, BaseFuser)
        and kind.__module__.startswith('mmfusion.models.fusers')
    }
    # the zoo's go by the names of their configs
    assert not {
        name for name in fusers if not {f'`{name}`', f'| `{name.lower()}` |'}
        & set(re.findall(r'`\w+`|^\| `\w+` \|', text, flags=re.M))
    }


@pytest.mark.detection
@pytest.mark.parametrize(
    'page', ['docs/detection.md', 'configs/fuser_detectors/README.md'])
def test_detection_config_builds(tmp_path, page):
    path = tmp_path / 'cfg.py'
    path.write_text(code_blocks(page)[0])
    cfg = Config.fromfile(path)
    cfg.model.detector.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    assert type(model).__name__ == 'FuserDetector'
    assert cfg.train_dataloader and cfg.optim_wrapper and cfg.tta_model


@pytest.mark.parametrize('page', ['docs/joint_training.md', 'README.md'])
def test_joint_training_config_builds(tmp_path, page):
    path = tmp_path / 'cfg.py'
    path.write_text(
        next(block for block in code_blocks(page) if '_base_' in block))
    cfg = Config.fromfile(path)
    model = MODELS.build(cfg.model)
    assert type(model).__name__ == 'FuserSegmenter'
    assert model.segmentor.num_classes == 9
    assert cfg.train_dataloader and cfg.optim_wrapper and cfg.train_cfg
