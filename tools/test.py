"""Score a trained model: segmentation, fused images; see --help."""
import sys

from mmfusion.cli.legacy import run
from mmfusion.cli.test import main

if __name__ == '__main__':
    sys.exit(run(main))
