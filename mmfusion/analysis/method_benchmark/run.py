"""From methods and data sets to a report."""
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mmfusion
from mmfusion.apis.fusing import fuse_into
from mmfusion.apis.model_loading import init_model
from mmfusion.apis.pairs import PairReader, inference_pipeline
from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.evaluation.records import RecordStore
from mmfusion.fileio import PairReading
from mmfusion.fileio.paths import (check_outputs, output_path, sample_files,
                                   source_folders)
from mmfusion.utils.config_file import type_name
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import read_record, write_json, write_text
from mmfusion.utils.loading_steps import STEP, state_loading, stated_loading
from mmfusion.utils.progress import announce

from .costs import measure_costs, setting
from .measuring import Table, measure, read_tables
from .methods import Method, read_methods
from .page import render_page
from .pair_sets import PairSet, read_sets, spread
from .results import Result, make_report, make_strip
from .segmentation import Segmentor, segment

DEFAULT_PRESETS = ('default', 'film', 'cddfuse', 'tang2023')
_MADE_BY = 'made_by.json'
Failures = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Options:
    """How a benchmark runs.

    Args:
        out (Path): Folder of all results.
        presets (sequence[str]): Tables of the report.
        metrics (sequence[str], optional): Metrics of one more table.
        limit (int, optional): Most pairs of each set.
        segmentor (tuple[str, str], optional): Config and checkpoint.
        device (str): Where networks run.
        workers (int): Processes that measure.
        shape (tuple[int, int]): Height and width for latency and FLOPs.
        runs (int): Passes that are timed.
        strips (int): Pairs of each set that are shown.
        restart (bool): Whether to forget what ``out`` holds.
        loading (mapping): Settings of ``LoadFusionPair`` for all methods
            and metrics, in place of what the configs state.
    """
    out: Path
    presets: Sequence[str] = DEFAULT_PRESETS
    metrics: Sequence[str] | None = None
    limit: int | None = None
    segmentor: Sequence[str] | None = None
    device: str = 'cpu'
    workers: int = 1
    shape: tuple[int, int] = (480, 640)
    runs: int = 10
    strips: int = 4
    restart: bool = False
    loading: Mapping[str, Any] = field(default_factory=dict)


def benchmark_methods(methods: Sequence[str], data: Sequence[str],
                      options: Options) -> int:
    """Fuse, measure, and write ``index.html`` and ``report.json``.

    Fused images (``fused/<set>/<method>``), the values of each image
    (``records``) and costs are kept in ``options.out`` and used again, as
    long as method, checkpoint and files are the same. A pair counts for all
    methods or for none, so that their means are comparable; a method that
    fails on all pairs of a set is left out there.

    Args:
        methods (sequence[str]): See :func:`~.methods.read_methods`.
        data (sequence[str]): See :func:`~.pair_sets.read_sets`.
        options (Options): How it runs.

    Returns:
        int: 0, or 1 if a pair failed or a file has no partner; these are
        named on stderr and on the page.

    Raises:
        UsageError: If an argument cannot be understood, a network has no
            checkpoint, or no pair could be measured.
        FileNotFoundError: If a file or folder is missing.
    """
    chosen, sets = read_methods(methods), read_sets(data, options.limit)
    reading = _one_reading(chosen, options.loading)
    tables = read_tables(options.presets, options.metrics)
    segmentor = None
    if options.segmentor:
        if not any(item.labelled for item in sets):
            raise UsageError(
                'Expected a data set with labels for --segmentor, got none. '
                'Write --data NAME=VIS_DIR,IR_DIR,LABEL_DIR.')
        segmentor = Segmentor(*options.segmentor, options.device)
    failures = _fuse(chosen, sets, options, reading)
    results = [
        _measure(item, _serving(chosen, item), tables, segmentor,
                 failures[item.name], options, reading) for item in sets
    ]
    costs = measure_costs(chosen, options.out / 'costs.json', options.shape,
                          options.device, options.runs)
    report = make_report(chosen, tables, results, costs,
                         setting(options.shape, options.device, options.runs),
                         segmentor)
    write_text(options.out / 'report.json',
               json.dumps(report, allow_nan=False) + '\n')
    strips = {
        result.pairs.name: [
            make_strip(pair, result.images, reading, result.pairs.task)
            for pair in spread(result.complete, options.strips)
        ] for result in results
    }
    write_text(options.out / 'index.html', render_page(report, strips))
    for item in report['sets']:
        announce(item['problems'], item['name'])
    print(f'wrote {options.out / "index.html"}')
    return int(any(item['problems'] for item in report['sets']))


def _one_reading(methods: Sequence[Method],
                 loading: Mapping[str, Any]) -> PairReading:
    """What all methods and all metrics take for the pairs."""
    for method in methods:
        state_loading(method.cfg, **loading)
    stated = stated_loading(
        [inference_pipeline(method.cfg) for method in methods])
    for method in methods:
        state_loading(method.cfg, **stated)
    return PairReading(**stated)


def _serving(methods: Sequence[Method], pairs: PairSet) -> list[Method]:
    """The methods that a set is compared on.

    Raises:
        UsageError: If there is none.
    """
    chosen = [method for method in methods if method.serves(pairs.task)]
    if not chosen:
        raise UsageError(f'{pairs.name}: expected a method for pairs of task '
                         f'{pairs.task}, got none. Add one, or leave the set '
                         'out.')
    return chosen


def _folders(out: Path, pairs: PairSet,
             methods: Sequence[Method]) -> dict[str, Path]:
    """Where the images of each method are."""
    return {
        method.name: out / 'fused' / pairs.folder / method.folder
        for method in methods
    }


def _fuse(methods: Sequence[Method], sets: Sequence[PairSet], options: Options,
          reading: PairReading) -> dict[str, Failures]:
    """Make the images that are not there; reasons by set of those failed."""
    failures: dict[str, Failures] = {item.name: {} for item in sets}
    load = LoadFusionPair(**reading.stated())
    check_outputs(((options.out / name, ())
                   for name in ('index.html', 'report.json', 'costs.json')),
                  overwrite=options.restart, flag='--restart',
                  ours=lambda path: path.with_name('fused').is_dir())
    pairs = [pair for item in sets for pair in item.pairs]
    check_outputs([(output_path(folder, pair['stem']), sample_files(pair))
                   for item in sets for pair in item.pairs
                   for folder in _folders(options.out, item,
                                          _serving(methods, item)).values()],
                  source_folders(pairs))
    for method in methods:
        model, task = None, ''
        for item in sets:
            if not method.serves(item.task):
                continue
            folder = _folders(options.out, item, [method])[method.name]
            fitted = method.for_task(item.task)
            _claim(folder, fitted.settings(), options.restart)
            todo = [
                pair for pair in item.pairs
                if _is_older(output_path(folder, pair['stem']), pair)
            ]
            if not todo:
                continue
            print(f'{item.name}: {method.name} fuses {len(todo)} pairs',
                  flush=True)
            if model is None or task != item.task:
                model, task = init_model(fitted.cfg, method.checkpoint,
                                         options.device,
                                         fuser_is_enough=True), item.task
            steps = [
                load if type_name(step['type']) == STEP else step
                for step in inference_pipeline(method.cfg, native=True)
            ]
            _, failed = fuse_into(model, PairReader(todo, steps), folder)
            for stem, reason in failed:
                failures[item.name][method.name, stem] = reason
    return failures


def _claim(folder: Path, settings: dict, restart: bool) -> None:
    """Empty a folder of images that were made otherwise."""
    record = folder / _MADE_BY
    if folder.exists() and not record.is_file():
        raise UsageError(
            f'Expected a folder of this tool, got {folder} without '
            f'{_MADE_BY}. Name another --out.')
    if folder.exists() and (restart or read_record(record) != settings):
        shutil.rmtree(folder)
    if not folder.exists():
        write_json(record, settings)


def _is_older(image: Path, pair: dict[str, str]) -> bool:
    """Whether an image is missing or older than its sources."""
    if not image.is_file():
        return True
    made = image.stat().st_mtime_ns
    return any(
        Path(path).is_file() and Path(path).stat().st_mtime_ns > made
        for key, path in pair.items()
        if key.endswith('_path') and key != 'label_path')


def _measure(item: PairSet, methods: Sequence[Method], tables: Sequence[Table],
             segmentor: Segmentor | None, failures: Failures, options: Options,
             reading: PairReading) -> Result:
    images = _folders(options.out, item, methods)
    columns = list({
        column.key: column for table in tables for column in table.columns
    }.values())
    print(f'{item.name}: {len(columns)} metrics of {len(item.pairs)} pairs',
          flush=True)
    records = options.out / 'records'
    store = RecordStore(
        records / f'{item.folder}.jsonl',
        dict(mmfusion=mmfusion.__version__, **reading.stated()),
        options.restart)
    values, unmeasured = measure(item.pairs, images, columns, store,
                                 options.workers, reading, item.sources)
    areas: dict[str, Any] = {}
    unscored: Failures = {}
    if segmentor and item.labelled:
        settings = segmentor.settings()
        print(f'{item.name}: {settings["config"]} segments', flush=True)
        store = RecordStore(
            records / f'{item.folder}.{settings["checkpoint"][:8]}.jsonl',
            settings, options.restart)
        areas, unscored = segment(segmentor, item.pairs, images, store)
    # a method that fails throughout does not spoil the others' means
    images = {name: path for name, path in images.items() if values[name]}
    complete = [
        pair for pair in item.pairs
        if images and all(pair['stem'] in values[name] for name in images)
    ]
    problems = [f'no partner: {path}' for path in item.unmatched]
    problems += [
        f'{what}: {method}, {stem}: {reason}'
        for what, reasons in (('not fused', failures),
                              ('not measured', unmeasured), ('not segmented',
                                                             unscored))
        for (method, stem), reason in reasons.items()
    ]
    if not complete:
        raise UsageError(
            f'{item.name}: no pair could be measured for all methods. ' +
            ' '.join(problems[:3]))
    return Result(item, images, complete, values, areas, problems)
