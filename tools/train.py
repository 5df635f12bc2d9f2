"""Train a fuser, or a fuser with a segmentor; see --help."""
import sys

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli import legacy as cli


def main():
    args = cli.start('train')
    # after the arguments: --gpu-id must come before torch
    from mmfusion.apis.training import train
    train(args)


if __name__ == '__main__':
    sys.exit(cli.run(main))
