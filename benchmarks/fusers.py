"""Our fusers against straightforward transcriptions of their papers.

Both run alternately in one process, with the same weights and inputs;
memory is the peak above the idle process (libraries loaded, no network),
each time in a fresh process. Prints a table in Markdown.

    python benchmarks/fusers.py --method transfuser6 psfusion film
    python benchmarks/fusers.py --train --shape 256 256 --batch 2
"""
import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools' / 'model_converters')]

from mappings import MAPPINGS

from benchmarks.naive import (NaiveFILM, NaiveMMDRFuseStudent,
                              NaiveMMDRFuseTeacher, NaivePSFusion,
                              NaiveTransFuser6)
from mmfusion.cli.flags import one_of
from mmfusion.models.layers import luma, trim_heap
from mmfusion.registry import MODELS

VARIANTS = ('naive', 'ours')


@dataclass(frozen=True)
class Method:
    """How to build and call a method's two variants.

    Args:
        config (dict): Config of our fuser.
        naive (callable): Builds the transcription, whose keys are the
            authors'.
        run_naive (callable): ``(network, vis, ir) -> tuple of tensors``.
        run_ours (callable): The same for our fuser.
        mapping (tuple[str, int]): Converter method and its table, where
            they are not the method's name and the first.
    """
    config: dict
    naive: Callable[[], nn.Module]
    run_naive: Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, ...]]
    run_ours: Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, ...]]
    mapping: tuple[str, int] = ()


def _run_psfusion(net: nn.Module, vis: Tensor,
                  ir: Tensor) -> tuple[Tensor, ...]:
    """All six outputs in the transcription's order."""
    output = net(vis, ir)
    aux = output.aux
    return (aux['semantic'], aux['binary'], aux['boundary'], output.luma,
            aux['vis_rec'], aux['ir_rec'])


@cache
def film_text(batch: int, device: torch.device) -> Tensor:
    """A text as long as FILM's own, (B, 149, 768)."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(batch, 149, 768, generator=generator).to(device)


METHODS: dict[str, Method] = dict(
    transfuser6=Method(
        config=dict(type='TransFuser6'), naive=NaiveTransFuser6,
        run_naive=lambda net, vis, ir: (net(luma(vis), ir), ),
        run_ours=lambda net, vis, ir: (net.fuse_luma(luma(vis), ir), )),
    psfusion=Method(config=dict(type='PSFusion'), naive=NaivePSFusion,
                    run_naive=lambda net, vis, ir: net(vis, ir),
                    run_ours=_run_psfusion),
    film=Method(
        # recomputes in training alone
        config=dict(type='FILMFusion', with_cp=True),
        naive=NaiveFILM,
        run_naive=lambda net, vis, ir:
        (net(ir, luma(vis), film_text(len(vis), vis.device)), ),
        run_ours=lambda net, vis, ir: (net.fuse_luma(
            luma(vis), ir, text=film_text(len(vis), vis.device)), )),
    **{
        f'mmdrfuse_{name}':
        Method(
            config=dict(type=f'MMDRFuse{name.title()}'), naive=naive,
            run_naive=lambda net, vis, ir: (net(vis[:, :1], ir), ),
            run_ours=lambda net, vis, ir: (net.fuse_luma(vis[:, :1], ir)[0], ),
            mapping=('mmdrfuse', place)) for place, (name, naive) in enumerate(
                dict(student=NaiveMMDRFuseStudent,
                     teacher=NaiveMMDRFuseTeacher).items())
    })


def build(name: str, variant: str, same_weights: bool) -> nn.Module:
    """A variant on the CPU, with random weights.

    ``same_weights`` gives both variants the same, which takes both of them
    for a moment: not to be done where memory is measured.
    """
    torch.manual_seed(0)
    if variant == 'ours' and not same_weights:
        return MODELS.build(METHODS[name].config)
    naive = METHODS[name].naive()
    for module in naive.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    if variant == 'naive':
        return naive
    fuser = MODELS.build(METHODS[name].config)
    state = naive.state_dict()
    method, place = METHODS[name].mapping or (name, 0)
    reference_key = MAPPINGS[method][place].reference_key
    fuser.load_state_dict({
        key: state[reference_key(f'fuser.{key}')]
        for key in fuser.state_dict()
    })
    return fuser


def prepare(name: str, variant: str, args: argparse.Namespace,
            same_weights: bool = False) -> Callable[[], tuple[Tensor, ...]]:
    """A function without arguments that does the work to be measured."""
    net = build(name, variant, same_weights)
    method = METHODS[name]
    run = method.run_naive if variant == 'naive' else method.run_ours
    generator = torch.Generator().manual_seed(1)
    vis, ir = (torch.rand(args.batch, c, *args.shape,
                          generator=generator).to(args.device) for c in (3, 1))

    def autocast():
        return torch.autocast(args.device,
                              torch.bfloat16) if args.bf16 else nullcontext()

    if not args.train:
        net = net.to(args.device).eval()
        if variant == 'ours':
            net = net.optimize_for_inference()

        @torch.inference_mode()
        def infer() -> tuple[Tensor, ...]:
            with autocast():
                return run(net, vis, ir)

        return infer

    net = net.to(args.device).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-5)
    targets = ((luma(vis) + ir) / 2).detach()

    def step() -> tuple[Tensor, ...]:
        optimizer.zero_grad()
        with autocast():
            outputs = run(net, vis, ir)
            loss = sum(
                F.l1_loss(out, targets) if out.shape ==
                targets.shape else out.square().mean() for out in outputs)
        loss.backward()
        optimizer.step()
        return (loss.detach(), )

    return step


def _synchronize(device: str) -> None:
    if device == 'cuda':
        torch.cuda.synchronize()


def measure_time(name: str, args: argparse.Namespace) -> dict[str, object]:
    """Seconds of each run, alternating, and how far the results differ."""
    work = {
        variant: prepare(name, variant, args, same_weights=True)
        for variant in VARIANTS
    }
    first = {variant: run() for variant, run in work.items()}
    difference = max((a.float() - b.float()).abs().max().item()
                     for a, b in zip(*first.values(), strict=True))
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for turn in range(args.repeats):
        for variant in VARIANTS if turn % 2 else VARIANTS[::-1]:
            _synchronize(args.device)
            start = time.perf_counter()
            work[variant]()
            _synchronize(args.device)
            seconds[variant].append(time.perf_counter() - start)
    return dict(seconds=seconds, max_difference=difference)


def _resident(field: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (peak) of this process in MiB.

    The peak that ``getrusage`` tells is no use here: a process inherits it
    from the one that started it.
    """
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{field}:'):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f'Expected {field} in /proc/self/status, which only '
                       'Linux has. Measure memory on Linux.')


def memory_of_this_process(name: str, variant: str,
                           args: argparse.Namespace) -> float:
    """Peak memory in MiB above the idle process."""
    if args.device == 'cuda':
        work = prepare(name, variant, args)
        work()
        work()
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_above_idle(lambda: prepare(name, variant, args))


def peak_above_idle(prepare: Callable[[], Callable]) -> float:
    """Peak memory in MiB of a fresh process that prepares and does work."""
    # a first convolution starts the threads and loads the kernels
    F.conv2d(torch.ones(1, 16, 32, 32), torch.ones(16, 16, 3, 3))
    idle = _resident('VmRSS')
    work = prepare()
    trim_heap()
    work()
    work()
    return _resident('VmHWM') - idle


def measure_memory(name: str, variant: str, arguments: list[str]) -> float:
    """Median :func:`memory_of_this_process` of three fresh processes."""
    command = [sys.executable, __file__, *arguments, '--worker', name, variant]
    return median(
        float(
            subprocess.run(command, check=True, stdout=subprocess.PIPE,
                           text=True).stdout.split()[-1]) for _ in range(3))


def table(results: dict[str, dict]) -> str:
    """Results as a Markdown table."""
    lines = [
        '| method | variant | median ms (min - max) | times as fast | '
        'peak MiB | memory ratio | max difference |',
        '|---|---|---|---|---|---|---|'
    ]
    for name, result in results.items():
        medians = {v: median(s) for v, s in result['seconds'].items()}
        for variant in VARIANTS:
            times = [1e3 * s for s in result['seconds'][variant]]
            peak = result['peak_mib'][variant]
            digits = 2 if median(times) < 100 else 0
            ratios = ('1', '1', '') if variant == 'naive' else (
                f'{medians["naive"] / medians[variant]:.2f}',
                f'{peak / result["peak_mib"]["naive"]:.2f}',
                f'{result["max_difference"]:.1e}')
            lines.append(
                f'| {name} | {variant} | {median(times):.{digits}f} '
                f'({min(times):.{digits}f} - {max(times):.{digits}f}) | '
                f'{ratios[0]} | '
                f'{peak:.0f} | {ratios[1]} | {ratios[2]} |')
    return '\n'.join(lines)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--method', nargs='+', **one_of(sorted(METHODS)),
                        default=list(METHODS))
    parser.add_argument('--shape', nargs=2, type=int, default=(480, 640),
                        metavar=('H', 'W'))
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--device', **one_of(('cpu', 'cuda')), default='cpu')
    parser.add_argument('--bf16', action='store_true',
                        help='autocast to bfloat16')
    parser.add_argument(
        '--train', action='store_true',
        help='measure a training step (forward, backward, AdamW)')
    parser.add_argument('--json', type=Path, help='also write the numbers')
    parser.add_argument('--worker', nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.worker:
        print(memory_of_this_process(*args.worker, args))
        return
    results = {}
    for name in args.method:
        results[name] = dict(
            peak_mib={
                variant: measure_memory(name, variant, sys.argv[1:])
                for variant in VARIANTS
            }, **measure_time(name, args))
    print(table(results))
    if args.json:
        settings = {
            key: value for key, value in vars(args).items()
            if key not in ('json', 'worker', 'method')
        }
        args.json.write_text(
            json.dumps(dict(settings=settings, results=results), indent=1))


if __name__ == '__main__':
    main()
