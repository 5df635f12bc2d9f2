"""Our fusers in every runtime against plain transcriptions.

    python benchmarks/backends.py --methods psfusion transfuser6
    python benchmarks/backends.py --weights psfusion=FILE --vis DIR --ir DIR
    python benchmarks/backends.py --memory --variants eager optimized compiled

Variants of a method run alternately in one process, with equal weights;
medians. ``compiled`` is the eager network under ``torch.compile``. With
--memory also the peak above the idle process while fusing, after a first
run that compiles and prepares; each in a fresh process. With pairs, also
what each costs in accuracy against PyTorch's float32: dB of the 8-bit
images and the change of the default metrics, on pairs that did not serve to
calibrate INT8. Without --weights (of tools/model_converters/convert.py) the
networks are random, and so is what they lose.
"""
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools' / 'model_converters')]

from benchmarks.fusers import METHODS, build, film_text, peak_above_idle
from mmfusion.apis.pairs import match_folders
from mmfusion.cli.flags import one_of
from mmfusion.deployment import compare_models, export_model, quantize
from mmfusion.deployment.accuracy import accuracy_table
from mmfusion.models.exported import backend_model
from mmfusion.models.layers import trim_heap
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.checkpoint import load_fuser_weights
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_json

#: tokens of a text, as of FILM's own
TOKENS = film_text(1, torch.device('cpu')).shape[1]
#: name -> (file, backend, precision)
RUNTIMES = {
    'onnxruntime': ('fp32', 'onnxruntime', 'fp32'),
    'openvino': ('fp32', 'openvino', 'fp32'),
    'openvino bf16': ('fp32', 'openvino', 'bf16'),
    'onnxruntime int8': ('int8', 'onnxruntime', 'fp32'),
    'openvino int8': ('int8', 'openvino', 'fp32'),
}

#: of a method, in the order of the table; the first are PyTorch
VARIANTS = ('naive', 'eager', 'optimized', 'compiled', *RUNTIMES)


def _file(name: str, title: str, folder: Path) -> Path:
    kind = RUNTIMES[title][0]
    return folder / f'{name}.{kind}.onnx'


def pytorch_model(name: str, title: str,
                  args: argparse.Namespace) -> nn.Module:
    """A wrapper of our fuser, plain, optimized or compiled."""
    weights = dict(item.split('=', 1) for item in args.weights)
    if name in METHODS:
        fuser = build(name, 'ours', same_weights=True)
    else:
        torch.manual_seed(0)
        fuser = MODELS.build(dict(type=name))
    if name in weights:
        load_fuser_weights(fuser, weights[name])
    fuser.eval()
    if title == 'optimized':
        fuser = fuser.optimize_for_inference()
    elif title == 'compiled':
        fuser.compile()
    return ImageFuser(fuser=fuser).eval()


def variants(name: str, args: argparse.Namespace, folder: Path,
             pairs: list[dict]) -> dict[str, nn.Module]:
    """Wrappers of our fuser by name, the eager one first.

    A runtime that this machine does not have is left out, with a note.
    """
    found = {
        title: pytorch_model(name, title, args)
        for title in ('eager', 'optimized', 'compiled')
        if title == 'eager' or title in args.variants
    }
    wanted = [title for title in RUNTIMES if title in args.variants]
    if not wanted:
        return found
    file = _file(name, 'onnxruntime', folder)
    export_model(found['eager'], file, shape=args.shape, batch=args.batch,
                 opset=args.opset, simplify=True, tokens=TOKENS)
    if pairs:
        quantize(file, _file(name, 'onnxruntime int8', folder), pairs)
    for title in wanted:
        if not _file(name, title, folder).exists():
            continue
        try:
            found[title] = exported_model(name, title, args, folder)
        except UsageError as error:
            print(f'left out: {title}: {error}', file=sys.stderr)
    return found


def exported_model(name: str, title: str, args: argparse.Namespace,
                   folder: Path) -> nn.Module:
    """A wrapper of the exported file in a runtime."""
    _, backend, precision = RUNTIMES[title]
    return backend_model(_file(name, title, folder), backend=backend,
                         precision=precision, threads=args.threads)


@torch.inference_mode()
def alternate(work: dict[str, Callable],
              repeats: int) -> dict[str, list[float]]:
    """Seconds of each run, in turn, after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def run(name: str, title: str, model: nn.Module | None,
        args: argparse.Namespace) -> Callable:
    """A function without arguments that fuses a batch."""
    generator = torch.Generator().manual_seed(1)
    vis, ir = (torch.rand(args.batch, c, *args.shape, generator=generator)
               for c in (3, 1))
    if model is None:
        naive = build(name, 'naive', same_weights=True).eval()
        return lambda: METHODS[name].run_naive(naive, vis, ir)
    text = {}
    if model.fuser.needs_text:
        text['text'] = film_text(args.batch, vis.device)
    if title not in RUNTIMES:
        return lambda: model.fuser(vis, ir, **text)
    # the network alone, as of the others
    session = model.fuser.session
    feeds = {k: v.numpy() for k, v in dict(vis=vis, ir=ir, **text).items()}
    return lambda: session.run(feeds)


def peak_memory(name: str, title: str, args: argparse.Namespace,
                folder: Path) -> float:
    """Peak of this fresh process in MiB, see the module."""

    def prepare() -> Callable:
        model = None
        if title in RUNTIMES:
            model = exported_model(name, title, args, folder)
        elif title != 'naive':
            model = pytorch_model(name, title, args)
        work = run(name, title, model, args)
        work()
        trim_heap()
        # the peak so far, as of compiling, is forgotten
        Path('/proc/self/clear_refs').write_text('5')
        return work

    return peak_above_idle(prepare)


def measure_memory(name: str, titles: list[str], folder: Path,
                   argv: list[str]) -> dict[str, float]:
    """:func:`peak_memory` of each variant."""
    command = [sys.executable, __file__, *argv, '--worker', str(folder), name]
    return {
        title:
        float(
            subprocess.run([*command, title], check=True,
                           stdout=subprocess.PIPE,
                           text=True).stdout.split()[-1]) for title in titles
    }


def outputs_note(models: dict[str, nn.Module], work: dict[str,
                                                          Callable]) -> str:
    """What is computed: an exported file leaves out what is not asked."""
    counts = {
        title: _convolutions(work[title]) for title in ('naive', 'eager')
        if title in work
    }
    if 'naive' in work:
        counts['naive'] += f' ({len(work["naive"]())} outputs)'
    counts['eager'] += ' (with all auxiliary outputs)'
    session = next((models[title].fuser.session
                    for title in RUNTIMES if title in models), None)
    if session is not None:
        import onnx
        nodes = onnx.load(str(session.path)).graph.node
        names = ', '.join(session.meta['outputs'])
        number = sum(node.op_type.startswith('Conv') for node in nodes)
        counts['exported'] = f'{number} ({names})'
    return 'Convolutions: ' + '; '.join(f'{title} {text}'
                                        for title, text in counts.items())


def _convolutions(run: Callable) -> str:
    """How many convolutions a run of a PyTorch network computes."""
    with torch.autograd.profiler.profile() as profile:
        run()
    return str(
        sum(event.count for event in profile.key_averages()
            if event.key == 'aten::convolution'))


def timing_table(name: str, seconds: dict[str, list[float]],
                 peaks: dict[str, float]) -> str:
    """Milliseconds, ratios and, where measured, memory as Markdown."""
    medians = {k: statistics.median(v) for k, v in seconds.items()}
    first = next(iter(medians))
    lines = [
        f'| {name} | median ms (min - max) | times as fast as {first} |' +
        (' peak MiB |' if peaks else ''), '|---' * (4 if peaks else 3) + '|'
    ]
    for title, times in seconds.items():
        lines.append(f'| {title} | {1e3 * medians[title]:.1f} '
                     f'({1e3 * min(times):.1f} - {1e3 * max(times):.1f}) | '
                     f'{medians[first] / medians[title]:.2f} |' +
                     (f' {peaks[title]:.0f} |' if peaks else ''))
    return '\n'.join(lines)


def parse_args(argv: list | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--methods', nargs='+', default=['transfuser6', 'psfusion'],
        help=f'of {", ".join(METHODS)}, or any registered fuser')
    parser.add_argument('--variants', nargs='+', **one_of(VARIANTS),
                        default=VARIANTS, help='the eager one is always run')
    parser.add_argument('--memory', action='store_true',
                        help='also measure peak memory (Linux)')
    parser.add_argument('--shape', nargs=2, type=int, default=(480, 640),
                        metavar=('H', 'W'))
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--opset', type=int, default=17)
    parser.add_argument('--weights', nargs='+', default=[],
                        metavar='METHOD=FILE')
    parser.add_argument('--vis', metavar='DIR', help='pairs, for INT8')
    parser.add_argument('--ir', metavar='DIR')
    parser.add_argument('--calib', type=int, default=16,
                        help='pairs to calibrate with')
    parser.add_argument('--eval', type=int, default=4,
                        help='other pairs to measure on')
    parser.add_argument('--json', metavar='FILE', help='also write here')
    parser.add_argument('--worker', nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if bool(args.vis) != bool(args.ir):
        parser.error('--vis and --ir go together: name both folders.')
    return args


def same_size(pairs: list[dict], shape: tuple, folder: Path) -> list[dict]:
    """Copies of pairs, resized to what the files were exported for.

    All have the same text, for fusers that read one.
    """
    import cv2

    from mmfusion.datasets.conversion import write_png
    from mmfusion.fileio import read_image
    copies = []
    for number, pair in enumerate(pairs):
        # what the other fusers ignore
        copy = dict(text=film_text(1, torch.device('cpu'))[0].numpy())
        for key in ('vis_path', 'ir_path'):
            image = cv2.resize(read_image(pair[key]), tuple(shape[::-1]),
                               interpolation=cv2.INTER_AREA)
            path = folder / key / f'{number:04d}.png'
            write_png(path, np.ascontiguousarray(image))
            copy[key] = str(path)
        copies.append(copy)
    return copies


def main(argv: list | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    torch.set_num_threads(args.threads)
    init_default_scope('mmfusion')
    if args.worker:
        folder, name, title = args.worker
        with torch.inference_mode():
            print(peak_memory(name, title, args, Path(folder)))
        return
    results = {}
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        folder = Path(name)
        pairs: list[dict] = []
        if args.vis:
            found = match_folders(args.vis, args.ir)[0]
            wanted = args.calib + args.eval
            if len(found) < wanted:
                raise UsageError(f'Expected {wanted} pairs, got '
                                 f'{len(found)}: lower --calib or --eval.')
            pairs = same_size(found[:wanted], args.shape, folder)
        for method in args.methods:
            models = variants(method, args, folder, pairs[:args.calib])
            naive = method in METHODS and 'naive' in args.variants
            work = {
                title: run(method, title, model, args)
                for title, model in (dict.fromkeys(['naive'] if naive else [])
                                     | models).items()
            }
            seconds = alternate(work, args.repeats)
            note = outputs_note(models, work)
            peaks = measure_memory(method, list(work), folder,
                                   argv) if args.memory else {}
            result = dict(seconds=seconds, note=note, peak_mib=peaks)
            print(f'{timing_table(method, seconds, peaks)}\n\n{note}',
                  flush=True)
            if pairs:
                others = {k: v for k, v in models.items() if k != 'eager'}
                result['accuracy'] = compare_models(models['eager'], others,
                                                    pairs[args.calib:])
                print(f'\n{accuracy_table(result["accuracy"])}\n')
            results[method] = result
    if args.json:
        write_json(
            args.json,
            dict(shape=list(args.shape), batch=args.batch,
                 threads=args.threads, torch=torch.__version__,
                 results=results))


if __name__ == '__main__':
    main()
