"""Train a fuser, or a fuser with a segmentor; see --help."""
import sys

from mmfusion.cli.legacy import run
from mmfusion.cli.train import main

if __name__ == '__main__':
    sys.exit(run(main))
