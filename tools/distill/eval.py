"""Score a real-time student: against the teacher, by itself, its speed."""
import argparse
import sys
from pathlib import Path

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli import distill_readme as distill_flags
from mmfusion.cli.flags import add_device, add_loading, loading_of, one_of
from mmfusion.cli.legacy import run
from mmfusion.cli.outputs import refuse_sources


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        '--checkpoint', required=True, metavar='FILE',
        help='of a training; for --benchmark_speed alone also an exported '
        'file (.onnx, .ts, .pt2)')
    add('--config', help="default: the checkpoint's own")
    add(
        '--data_root', metavar='DIR',
        help='folder with IR, VIS and, for scores against a teacher, '
        'TEACHER_FUSED')
    distill_flags.add_data_flags(parser)
    add(
        '--input_size', type=int,
        help='resize to this square before fusing, as the README; default: '
        'the size of the images. Also that of --benchmark_speed (512)')
    add('--scale', **one_of(('levels', 'code')), default='levels',
        help='SD and SF on 0..255, or as the public code mixes scales')
    add('--save_dir', default='work_dirs/distill_eval', metavar='DIR',
        help='metrics.csv and metrics.json; default %(default)s')
    add('--benchmark_speed', action='store_true')
    add('--warmup', type=int, default=50)
    add('--runs', type=int, default=200)
    add('--analyze', action='store_true',
        help='print parameters, multiply-adds, time and memory')
    add_loading(parser)
    add_device(parser)
    return parser.parse_args(argv)


def images_of(args):
    """Overrides that name the images; whether a teacher's are among them."""
    if not args.data_root:
        return distill_flags.data_overrides(args, ['test']), True
    data = distill_flags.root_overrides(args.data_root, 'test')
    data['test_dataloader.dataset.part'] = None
    return data, Path(args.data_root, 'TEACHER_FUSED').is_dir()


def main():
    args = parse_args()
    refuse_sources(args, 'save_dir')
    from mmengine.device import get_device

    from mmfusion.analysis.costs import analyze_model, benchmark_speed
    from mmfusion.analysis.distill_eval import checkpoint_config, evaluate
    from mmfusion.apis.model_loading import init_model
    from mmfusion.models.exported.runtimes import is_exported
    from mmfusion.utils.errors import UsageError
    from mmfusion.utils.files import write_json
    from mmfusion.utils.loading_steps import state_loading

    result = {}
    exported = is_exported(args.checkpoint)
    device = args.device or ('cpu' if exported else get_device())
    if exported:
        if args.data_root or args.vis_root or args.analyze:
            raise UsageError(
                f'{args.checkpoint}: expected a checkpoint of a training for '
                'scores and --analyze, got an exported file, which '
                '--benchmark_speed alone takes. Score its images with '
                'tools/test_fusion.py.')
        cfg = args.config or args.checkpoint
    else:
        cfg = checkpoint_config(args.checkpoint, args.config)
    if args.data_root or args.vis_root:
        data, teacher = images_of(args)
        state_loading(cfg, **loading_of(args))
        result['metrics'] = evaluate(cfg, args.checkpoint, args.save_dir, data,
                                     teacher=teacher,
                                     input_size=args.input_size,
                                     num_workers=args.num_workers,
                                     scale=args.scale, device=args.device)
    if args.benchmark_speed or args.analyze:
        model = init_model(cfg, args.checkpoint, device, optimize=False)
        fixed = model.fuser.session.meta['size'] if exported else None
        size = args.input_size or fixed or 512
        if args.analyze:
            result['analysis'] = analyze_model(model, size, device,
                                               args.warmup, args.runs)
        if args.benchmark_speed:
            fast = model.optimize_for_inference()
            result['speed'] = benchmark_speed(fast, size, device, args.warmup,
                                              args.runs)
    if not result:
        raise UsageError('Expected something to do: name --data_root or the '
                         'three flat folders, --benchmark_speed or '
                         '--analyze.')
    path = Path(args.save_dir, 'metrics.json')
    write_json(path, dict(checkpoint=args.checkpoint, **result))
    print(f'wrote {path}')
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
