"""Fuse the images of a config or of two folders; see --help."""
import sys

from mmfusion.cli.fuse import main
from mmfusion.cli.legacy import run

if __name__ == '__main__':
    sys.exit(run(main))
