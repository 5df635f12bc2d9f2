"""Fuse the images of a config or of two folders; see --help."""
import sys

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli import legacy as cli


def main():
    args = cli.start('test_fusion')
    # after the arguments: --gpu-id must come before torch
    from mmfusion.apis.fusing import test_fusion
    return test_fusion(args)


if __name__ == '__main__':
    sys.exit(cli.run(main))
