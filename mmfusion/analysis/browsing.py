"""Panels of what a data pipeline gives a model."""
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope

from mmfusion.apis.inferencer import draw_sample
from mmfusion.apis.pairs import pair_name
from mmfusion.fileio.paths import (check_outputs, output_path, raw_samples,
                                   sample_files, source_folders)
from mmfusion.utils.errors import UsageError, check_choice, check_least
from mmfusion.utils.files import write_image
from mmfusion.utils.progress import track
from mmfusion.visualization import FusionLocalVisualizer

PHASES = ('train', 'val', 'test', 'fusion')


def browse_dataset(cfg: Config, out_dir: str, phase: str = 'train',
                   number: int | None = None,
                   overwrite: bool = False) -> list[Path]:
    """Write a panel (visible, infrared, labels) of each sample.

    Args:
        cfg (Config): With ``<phase>_dataloader``.
        out_dir (str): Where to; files are named ``<index>_<stem>.png``.
        phase (str): One of ``PHASES``.
        number (int, optional): How many; None takes all.
        overwrite (bool): Whether to replace files that this package has not
            written. Sources are never replaced.

    Returns:
        list[Path]: The files.

    Raises:
        UsageError: If there is no such loader, its data are incomplete,
            ``number`` is below 1, or files would be written over.
        FileNotFoundError: If a folder or file is missing.
    """
    check_choice(PHASES, UsageError, phase=phase)
    check_least(1, UsageError, number=number)
    loader = cfg.get(f'{phase}_dataloader')
    if not loader:
        there = [name for name in PHASES if cfg.get(f'{name}_dataloader')]
        raise UsageError(f'{cfg.filename}: expected {phase}_dataloader, got '
                         f'none; there is one for {there}.')
    init_default_scope(cfg.get('default_scope', 'mmfusion'))
    try:
        dataset = DATASETS.build(loader.dataset)
    except ValueError as error:
        raise UsageError(str(error)) from error
    meta = dataset.metainfo
    visualizer = FusionLocalVisualizer(classes=meta.get('classes'),
                                       palette=meta.get('palette'))
    count = min(number or len(dataset), len(dataset))
    samples = raw_samples(dataset, count)
    check_outputs(
        [(out_dir,
          ()), *((_panel(out_dir, sample, index), sample_files(sample))
                 for index, sample in enumerate(samples))],
        source_folders(samples), overwrite)
    written = []
    for index in track(range(count), count):
        item = dataset[index]
        sample = item['data_samples']
        path = _panel(out_dir, sample.metainfo, index)
        write_image(path, draw_sample(visualizer, item['inputs'], sample))
        written.append(path)
    return written


def _panel(folder: str, sample: dict, index: int) -> Path:
    name = pair_name(sample, index).replace('/', '_')
    return output_path(folder, f'{index:05d}_{name}')
