"""Fuse two videos, folders of frames or cameras; see --help."""
import sys

from mmfusion.cli.running import run
from mmfusion.cli.video import main

if __name__ == '__main__':
    sys.exit(run(main))
