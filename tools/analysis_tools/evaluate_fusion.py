"""Measure folders of fused images; see --help."""
import sys

from mmfusion.cli.evaluate import main
from mmfusion.cli.running import run

if __name__ == '__main__':
    sys.exit(run(main))
