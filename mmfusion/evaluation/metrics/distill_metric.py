"""How near a student's images are to its teacher's."""
import math
import os
import warnings
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from mmfusion.fileio import read_image
from mmfusion.functional import compute
from mmfusion.functional.pixel_statistics import PSNR_LIMIT
from mmfusion.registry import METRICS
from mmfusion.utils.errors import check_choice

from .fusion_metric import FusionMetric

REFERENCES = ('SSIM', 'PSNR', 'LPIPS')
SCALES = ('levels', 'code')


@METRICS.register_module()
class DistillMetric(FusionMetric):
    """Scores against the teacher's image, and of the fused image alone.

    - ``SSIM`` of luminances (Gaussian window of 11, deviation 1.5),
      ``PSNR`` of the colour images (mean over all channels' errors, at most
      100 dB), ``LPIPS`` (AlexNet) of the colour images. LPIPS is left out
      with a warning where its package or weights are missing.
    - The columns of :class:`FusionMetric`, by default ``EN``, ``SD``,
      ``SF`` and ``AG`` of luminances on the scale 0..255.

    Args:
        references (sequence[str]): Out of the first three. Empty where
            there is no teacher.
        metrics (sequence[str]): As in :class:`FusionMetric`.
        scale (str): ``'code'`` reproduces the scales of the public
            evaluator of the real-time system: SD and SF of values 0..1, AG
            by Sobel kernels that are not normalized (about eight times the
            usual).
        kwargs: See :class:`FusionMetric`.

    Raises:
        ValueError: For names that are not known.
    """
    default_prefix = 'distill'

    def __init__(self, references: Sequence[str] = REFERENCES,
                 metrics: Sequence[str] = ('EN', 'SD', 'SF', 'AG'),
                 scale: str = 'levels', **kwargs) -> None:
        unknown = [name for name in references if name not in REFERENCES]
        if unknown:
            raise ValueError(f'Expected references of {REFERENCES}, got '
                             f'{unknown}.')
        check_choice(SCALES, scale=scale)
        metrics = list(metrics)
        self._by_sobel = scale == 'code' and 'AG' in metrics
        super().__init__(metrics=metrics + ['EI'] * self._by_sobel, **kwargs)
        self.references = list(references)
        self.scale = scale

    def _measure(self, samples: Sequence[dict]) -> list[dict[str, float]]:
        rows = super()._measure(samples)
        for row, sample in zip(rows, samples, strict=True):
            if self.scale == 'code':
                for name in ('SD', 'SF'):
                    if name in row:
                        row[name] /= 255
            if self._by_sobel:
                row['AG'] = row.pop('EI') / 2**0.5
            if self.references:
                row.update(self._compare(sample))
        return [{
            **{
                name: row[name] for name in REFERENCES if name in row
            },
            **row
        } for row in rows]

    def _compare(self, sample: dict) -> dict[str, float]:
        """The scores against the teacher's image."""
        path = sample.get('teacher_path')
        if path is None:
            raise ValueError(
                "DistillMetric: expected 'teacher_path' in the sample, got "
                'none. Test on a FusionDistillDataset with teacher images, '
                'or set references=[].')
        fused = self._fused(sample).permute(1, 2, 0).cpu().numpy()
        if not self.quantize:
            fused = np.rint(fused * 255).astype(np.uint8)
        teacher = cv2.cvtColor(read_image(os.fspath(path), cv2.IMREAD_COLOR),
                               cv2.COLOR_BGR2RGB)
        if teacher.shape != fused.shape:
            raise ValueError(
                f'DistillMetric: expected a teacher image of '
                f'{fused.shape[:2]}, got {teacher.shape[:2]} in {path!r}. '
                'Make it anew with tools/distill/make_teacher.py.')
        row: dict[str, Any] = {}
        if 'SSIM' in self.references:
            row.update(compute(fused, (teacher, ), metrics=['SSIM:gauss11']))
            row['SSIM'] = row.pop('SSIM:gauss11')
        if 'PSNR' in self.references:
            error = np.square(fused.astype(np.float64) - teacher).mean()
            floor = 255**2 / 10**(PSNR_LIMIT / 10)
            row['PSNR'] = 10 * math.log10(255**2 / max(error, floor))
        if 'LPIPS' in self.references:
            try:
                row.update(
                    compute(fused, (teacher, ), metrics=['LPIPS'],
                            channels='rgb'))
            except (ImportError, FileNotFoundError) as error:
                warnings.warn(f'LPIPS is left out: {error}', stacklevel=2)
                self.references.remove('LPIPS')
        return row
