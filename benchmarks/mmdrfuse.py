"""MMDRFuse's student against memory, and what the refresh bank costs.

    python benchmarks/mmdrfuse.py student   # ms, MPix/s, distance to a copy
    python benchmarks/mmdrfuse.py refresh   # a training step, bank on and off
    python benchmarks/mmdrfuse.py patches   # PNG folder against one file

Variants run alternately in one process; medians. Run it on an idle machine.
"""
import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools' / 'dataset_converters')]

import make_patches

from benchmarks.naive import NaiveMMDRFuseStudent
from mmfusion.cli.flags import one_of
from mmfusion.datasets.conversion import write_png
from mmfusion.models.losses import HistoryBank
from mmfusion.registry import DATASETS, MODELS
from mmfusion.structures import FusionDataSample


def alternate(work: dict[str, Callable], repeats: int) -> dict[str, float]:
    """Median seconds of each, run in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(repeats + 2):  # two rounds to warm up
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if turn > 1:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in seconds.items()}


def student(args: argparse.Namespace) -> None:
    """Milliseconds, megapixels a second, and the floor of the memory.

    The floor copies as many bytes as fusing has to read (two images) and
    write (one).
    """
    naive = NaiveMMDRFuseStudent().eval()
    ours = MODELS.build(dict(type='MMDRFuseStudent')).eval()
    for layer, name in ((ours.hidden, 'conv1'), (ours.out, 'conv2')):
        layer.load_state_dict(getattr(naive, name)[1].state_dict())
    ours = ours.optimize_for_inference()
    print('| size | plain ms | ours ms | times as fast | MPix/s | floor ms | '
          'times the floor | difference |\n|---|---|---|---|---|---|---|---|')
    for height, width in ((480, 640), (1024, 1280)):
        vis, ir = torch.rand(2, 1, 1, height, width)
        source = torch.rand(3 * height * width // 2)
        target = torch.empty_like(source)
        with torch.inference_mode():
            difference = (naive(vis, ir) - ours.fuse_luma(vis, ir)[0]).abs()
            times = alternate(
                dict(naive=lambda x=vis, y=ir: naive(x, y),
                     ours=lambda x=vis, y=ir: ours.fuse_luma(x, y),
                     floor=lambda a=target, b=source: a.copy_(b)),
                args.repeats)
        print(f'| {width}x{height} | {1e3 * times["naive"]:.2f} | '
              f'{1e3 * times["ours"]:.2f} | '
              f'{times["naive"] / times["ours"]:.2f} | '
              f'{height * width / times["ours"] / 1e6:.0f} | '
              f'{1e3 * times["floor"]:.2f} | '
              f'{times["ours"] / times["floor"]:.1f} | '
              f'{difference.max():.1e} |')


class TimedBank(HistoryBank):
    """Adds up the seconds spent in it."""
    seconds = 0.

    def _timed(self, method: Callable, *args):
        start = time.perf_counter()
        result = method(*args)
        TimedBank.seconds += time.perf_counter() - start
        return result

    def knows(self, *args):
        return self._timed(super().knows, *args)

    def read(self, *args):
        return self._timed(super().read, *args)

    def write(self, *args):
        return self._timed(super().write, *args)


def refresh(args: argparse.Namespace) -> None:
    """A training step of the student beside its teacher, 128x128 patches."""
    batch, samples = 25, 200
    inputs = torch.rand(8, batch, 4, 128, 128)
    losses = dict(intensity=dict(type='MaxIntensityLoss'),
                  gradient=dict(type='LaplacianLoss', loss_weight=0.1))
    both = {
        f'refresh_{score}':
        dict(type='DynamicRefreshLoss', score=score, pixel=pixel)
        for score, pixel in (('SSIM', 'l1'), ('GMSD', 'laplacian'))
    }
    pair = dict(type='CosineDistillationLoss', loss_weight=5.)
    work = {}
    for name, extra in (('off', {}), ('on', both)):
        model = MODELS.build(
            dict(
                type='FuserDistiller', teacher=dict(type='MMDRFuseTeacher'),
                student=dict(type='MMDRFuseStudent'), random_teacher=True,
                pairs=[
                    dict(student='aux.hidden', teacher='aux.buffer',
                         loss=pair),
                    dict(student='luma', teacher='luma', loss=pair)
                ], fusion_losses={
                    **losses,
                    **extra
                })).train()
        for loss in extra:
            model.fusion_losses[loss].bank = TimedBank()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
        state = dict(step=0)

        def step(model=model, optimizer=optimizer, state=state):
            number = state['step'] % 8
            state['step'] += 1
            data = [
                FusionDataSample(metainfo=dict(sample_idx=number * batch + i))
                for i in range(batch)
            ]
            loss, _ = model.parse_losses(model.loss(inputs[number], data))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        for _ in range(8):  # the first epoch fills the banks
            step()
        work[name] = step
    TimedBank.seconds = 0.
    times = alternate(work, args.repeats)
    bank = TimedBank.seconds / (args.repeats + 2)
    print('| step without refresh ms | with it ms | of this both banks ms | '
          'banks, share of the step |\n|---|---|---|---|\n'
          f'| {1e3 * times["off"]:.0f} | {1e3 * times["on"]:.0f} | '
          f'{1e3 * bank:.1f} | {bank / times["off"]:.1%} |')
    bytes_each = 128 * 128 * 2
    print(f'\nEach bank of {samples} patches in float16: '
          f'{samples * bytes_each / 1e6:.1f} MB; of 16,000: '
          f'{16000 * bytes_each / 1e9:.2f} GB.')


def patches(args: argparse.Namespace) -> None:
    """Patches a second out of a DataLoader that nothing slows down."""
    pipeline = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for stem in range(8):
            scene = torch.nn.functional.interpolate(
                torch.from_numpy(rng.uniform(0, 255, (1, 1, 60, 80))),
                scale_factor=8, mode='bicubic')[0, 0].numpy()
            for kind in ('vis', 'ir'):
                noisy = scene + rng.normal(0, 2, scene.shape)
                write_png(root / kind / f'{stem}.png',
                          noisy.clip(0, 255).astype(np.uint8))
        loaders = {}
        for form in ('folder', 'file'):
            make_patches.convert(root / form, root / 'vis', root / 'ir',
                                 size=128, stride=64, grey=True, form=form)
            kind = ('PatchFileDataset'
                    if form == 'file' else 'PairedImageDataset')
            dataset = DATASETS.build(
                dict(type=kind, data_root=str(root / form), pipeline=pipeline))
            loaders[form] = DataLoader(dataset, batch_size=25,
                                       num_workers=args.workers,
                                       collate_fn=pseudo_collate, shuffle=True,
                                       persistent_workers=args.workers > 0)
        times = alternate(
            {
                form: lambda loader=loader: sum(1 for _ in loader)
                for form, loader in loaders.items()
            }, args.repeats)
        number = len(loaders['file'].dataset)
        print(f'\n| workers | {number} patches 128x128 | patches/s |\n'
              '|---|---|---|')
        for form, seconds in times.items():
            print(f'| {args.workers} | {form} | {number / seconds:.0f} |')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('part', **one_of(('student', 'refresh', 'patches')))
    parser.add_argument('--repeats', type=int, default=15)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--workers', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    init_default_scope('mmfusion')
    dict(student=student, refresh=refresh, patches=patches)[args.part](args)


if __name__ == '__main__':
    main()
