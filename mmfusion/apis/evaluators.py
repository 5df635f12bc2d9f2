"""What a test computes and writes: a config's evaluators."""
import copy
from collections.abc import Sequence

from mmengine.config import Config

from mmfusion.evaluation.selection import COCO_METRICS, IOU_METRICS, parse_eval
from mmfusion.utils.config_file import PathLike, type_name
from mmfusion.utils.errors import UsageError, spelled

#: file of FusionMetric's values of all images, in the work dir
FUSION_CSV = 'fusion_metrics.csv'
#: evaluators of labels and boxes: where their choice goes, what it may be
_TASKS = dict(IoUMetric=('iou_metrics', IOU_METRICS),
              CocoMetric=('metric', COCO_METRICS))


def choose_evaluators(cfg: Config, words: Sequence[str]) -> None:
    """``--eval``: choose what is computed, by which evaluators.

    ``IoUMetric``, ``CocoMetric`` and ``FusionMetric`` stay where one of
    their names is given; the last is added where the config has none. Other
    evaluators stay in any case.
    """
    names = (*IOU_METRICS, *COCO_METRICS, 'fusion')
    words = [spelled(names, word) for word in words]
    asked = {
        kind: [word for word in words if word in known]
        for kind, (_, known) in _TASKS.items()
    }
    task = [word for part in asked.values() for word in part]
    fusion = [word for word in words if word not in task]
    selection = parse_eval(fusion, with_task=True) if fusion else {}
    found = (evaluators_of(cfg, '--eval')
             if task or cfg.get('test_evaluator') else [])
    kinds = [type_name(_inner(item).get('type')) for item in found]
    for kind, part in asked.items():
        if part and kind not in kinds:
            article = 'an' if kind[0] == 'I' else 'a'
            raise UsageError(
                f'--eval {" ".join(part)} needs {article} {kind} as the '
                f"config's test_evaluator, got {kinds}.")
    if fusion and 'FusionMetric' not in kinds:
        found.append(dict(type='mmfusion.FusionMetric', **selection))
        kinds.append('FusionMetric')
    chosen = []
    for kind, evaluator in zip(kinds, found, strict=True):
        if not asked.get(kind, fusion if kind == 'FusionMetric' else True):
            continue
        if kind in asked:
            _inner(evaluator)[_TASKS[kind][0]] = asked[kind]
        elif kind == 'FusionMetric':
            if fusion != ['fusion']:
                evaluator.update(selection)
            evaluator.setdefault('csv_file', f'{cfg.work_dir}/{FUSION_CSV}')
        chosen.append(evaluator)
    cfg.test_evaluator = chosen[0] if len(chosen) == 1 else chosen
    if not task:
        _use_fusion_set(cfg)


def _inner(evaluator: dict) -> dict:
    """What a ``ConditionMetric`` splits; others themselves."""
    if type_name(evaluator.get('type')) == 'ConditionMetric':
        return evaluator['metric']
    return evaluator


def _use_fusion_set(cfg: Config) -> None:
    """Test on the fusion set where there is no test set."""
    if cfg.get('test_dataloader') or not cfg.get('fusion_dataloader'):
        return
    cfg.test_dataloader = copy.deepcopy(cfg.fusion_dataloader)
    cfg.test_dataloader.setdefault('sampler',
                                   dict(type='DefaultSampler', shuffle=False))
    if cfg.get('test_cfg') is None:
        cfg.test_cfg = dict()


def write_predictions(cfg: Config, folder: PathLike) -> bool:
    """``--out``: label maps, or detections as JSON, go to ``folder``.

    Returns:
        bool: Whether label maps do.
    """
    maps = False
    for evaluator in label_evaluators(cfg, '--out or --format-only'):
        if type_name(evaluator['type']) == 'CocoMetric':
            evaluator['outfile_prefix'] = f'{folder}/detections'
            continue
        evaluator.update(output_dir=str(folder), keep_results=True)
        if type_name(evaluator['type']) == 'IoUMetric':
            evaluator['type'] = 'mmfusion.IoUMetric'  # be it mmseg's
            maps = True
    return maps


def evaluators_of(cfg: Config, flag: str) -> list[dict]:
    """The test evaluators, as a list of config dicts."""
    found = cfg.get('test_evaluator')
    if not found:
        raise UsageError(f'{flag} needs a test_evaluator in the config, got '
                         'none: this config trains and fuses only (see '
                         'tools/test_fusion.py).')
    return list(found) if isinstance(found, (list, tuple)) else [found]


def label_evaluators(cfg: Config, flag: str) -> list[dict]:
    """Those that can write label maps or detections."""
    found = [
        _inner(evaluator) for evaluator in evaluators_of(cfg, flag)
        if type_name(_inner(evaluator).get('type')) not in ('FusionMetric',
                                                            'MissRateMetric')
    ]
    if not found:
        raise UsageError(
            f'{flag} writes label maps or detections and needs an evaluator '
            'of the segmentation or of boxes, got none. Fused images come '
            'from tools/test_fusion.py.')
    return found
