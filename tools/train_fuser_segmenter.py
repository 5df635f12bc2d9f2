"""BFFR's name of train.py: says today's command."""
import sys

from mmfusion.cli.running import renamed

if __name__ == '__main__':
    sys.exit(renamed('train.py'))
