"""Detectors with mmcv's compiled operators and with those in their place.

    python tests/compare_operators.py

needs an mmcv with operators. On random pairs and weights, losses have to agree
to 1e-5, gradients to 1e-4 of the largest, boxes to 1e-3 pixels, scores to
1e-5. Prints a table; exit status 1 if one does not.
"""
import importlib
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from mmengine.registry import init_default_scope

from mmfusion.registry import MODELS
from mmfusion.utils import has_mmcv_ops, operators
from tests.support.config_cases import demo_fusion_inputs
from tests.test_models.test_wrappers.test_fuser_detector import (DETECTORS,
                                                                 SIZE, config)

BOUNDS = dict(losses=1e-5, gradients=1e-4, boxes=1e-3, scores=1e-5)


@contextmanager
def in_their_place():
    """mmcv calls what torchvision has."""
    importlib.import_module('mmcv.ops')
    before = {
        module: module.ext_module for name, module in sys.modules.items()
        if name.startswith('mmcv.ops.') and hasattr(module, 'ext_module')
    }
    try:
        for module in before:
            module.ext_module = operators
        yield
    finally:
        for module, compiled in before.items():
            module.ext_module = compiled


def results(detector: str) -> dict[str, torch.Tensor]:
    """Everything that is compared, of one detector."""
    torch.manual_seed(0)
    cfg = config(detector)
    if 'score_thr' in cfg['detector']['test_cfg']:
        cfg['detector']['test_cfg']['score_thr'] = 0
    model = MODELS.build(cfg).train()
    model.init_weights()  # DINO leaves some of its parameters as they come
    torch.manual_seed(1)  # samplers draw boxes
    data = model.data_preprocessor(demo_fusion_inputs(2, SIZE), True)
    loss, logged = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    gradients = torch.cat(
        [p.grad.flatten() for p in model.parameters() if p.grad is not None])
    found = model.eval().test_step(demo_fusion_inputs(2, SIZE))
    return dict(losses=torch.stack([v.detach() for v in logged.values()]),
                gradients=gradients / gradients.abs().max(),
                boxes=torch.cat([x.pred_instances.bboxes for x in found]),
                scores=torch.cat([x.pred_instances.scores for x in found]))


def gap(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference; infinite where not as many were found."""
    if ours.shape != theirs.shape:
        return float('inf')
    gaps = (ours - theirs).detach().abs()
    return float(gaps.max()) if gaps.numel() else 0.


def main() -> int:
    if not has_mmcv_ops():
        sys.exit('Expected an mmcv with compiled operators to compare with, '
                 'got one without: make setup OPERATORS=1')
    init_default_scope('mmfusion')
    worst = 0.
    print('| detector | ' + ' | '.join(BOUNDS) + ' | boxes found |')
    print('|---' * (len(BOUNDS) + 2) + '|')
    for detector in DETECTORS:
        theirs = results(detector)
        with in_their_place():
            ours = results(detector)
        gaps = {key: gap(ours[key], theirs[key]) for key in BOUNDS}
        worst = max(worst, *(gaps[key] / BOUNDS[key] for key in BOUNDS))
        cells = (f'{gaps[key]:.1e}' for key in BOUNDS)
        print(
            f'| {detector} | ' + ' | '.join(cells) +
            f' | {len(theirs["boxes"])} |', flush=True)
    return int(worst > 1)


if __name__ == '__main__':
    sys.exit(main())
