"""Print a config with everything it inherits."""
import argparse
import sys

from mmfusion.cli.flags import add_options
from mmfusion.cli.legacy import run
from mmfusion.utils.config_file import load_config


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    add_options(parser)
    args = parser.parse_args()
    print(load_config(args.config, args.cfg_options).pretty_text)


if __name__ == '__main__':
    sys.exit(run(main))
