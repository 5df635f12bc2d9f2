"""Score a trained model: segmentation, fused images; see --help."""
import sys

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli import legacy as cli


def main():
    args = cli.start('test')
    # after the arguments: --gpu-id must come before torch
    from mmfusion.apis.testing import test
    test(args)


if __name__ == '__main__':
    sys.exit(cli.run(main))
