"""``mmfusion export`` and ``tools/deployment/export.py``."""
import argparse

from mmfusion.utils.config_file import require_file
from mmfusion.utils.model_index import box_weights_of

from .flags import add_config, add_shape, one_of
from .legacy import read_config
from .outputs import refuse_sources
from .parsing import Parser

_TEXT = '''Export a model to ONNX, TorchScript or torch.export.
Inputs: vis (B, 3, H, W) RGB and ir (B, 1, H, W), float32 in [0, 1].
Outputs: fused (B, 3, H, W) RGB in [0, 1], and seg_logits (B, K, H, W) with
--part full. See docs/deployment.md.
'''


def parse_args() -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(description=_TEXT)
    add_config(parser)
    parser.add_argument(
        'checkpoint', nargs='?',
        help="checkpoint file, or 'none' for random weights; models with "
        'weights in the box need none')
    parser.add_argument('--out', required=True, metavar='FILE',
                        help='with the suffix .onnx, .ts or .pt2')
    parser.add_argument('--part', **one_of(('fuser', 'full')), default='fuser')
    parser.add_argument('--format',
                        **one_of(('onnx', 'torchscript', 'torch_export')),
                        default='onnx')
    parser.add_argument('--opset', type=int, default=18,
                        help='of ONNX, 11 to 20; default 18')
    add_shape(parser, text='size of a file of fixed size')
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument(
        '--dynamic', action='store_true',
        help='leave batch, height and width open; sides are then multiples '
        'of the size_divisor in the file')
    parser.add_argument('--tokens', type=int, default=5,
                        help='tokens of the text, of text-guided fusers')
    parser.add_argument('--no-fold', action='store_true',
                        help='keep BatchNorm layers as they are')
    parser.add_argument('--simplify', action='store_true',
                        help='simplify the ONNX graph')
    parser.add_argument('--verify', action=argparse.BooleanOptionalAction,
                        default=True,
                        help='run the file and demand 1e-4 to PyTorch')
    return parser.parse_args()


def main() -> None:
    """Export what the flags say; see ``--help``."""
    args = parse_args()
    refuse_sources(args, 'out')
    cfg = read_config(args)
    checkpoint = args.checkpoint or box_weights_of(args.config)
    if checkpoint not in (None, 'none'):
        require_file(checkpoint, 'a checkpoint file',
                     'Train one with mmfusion train.')
    from mmfusion.apis.model_loading import init_model, require_weights
    from mmfusion.deployment import export_model
    model = init_model(cfg, checkpoint, optimize=False,
                       fuser_is_enough=args.part == 'fuser')
    if checkpoint != 'none':
        require_weights(model, args.config)
    report = export_model(model, args.out, part=args.part, format=args.format,
                          opset=args.opset, shape=args.shape, batch=args.batch,
                          dynamic=args.dynamic, tokens=args.tokens,
                          fold=not args.no_fold, simplify=args.simplify,
                          verify=args.verify)
    print(f'wrote {report["path"]} ({report["mib"]:.1f} MiB), '
          f'{report["folded"]} BatchNorm layers folded, '
          f'{report["merged"]} blocks merged')
    if report['max_difference'] is not None:
        print('largest difference to PyTorch: '
              f'{report["max_difference"]:.1e}')
