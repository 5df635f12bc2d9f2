"""Print a config with everything it inherits."""
import argparse
import sys

from mmfusion.cli.flags import add_config
from mmfusion.cli.legacy import run
from mmfusion.utils.config_file import load_config


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_config(parser)
    args = parser.parse_args()
    print(
        load_config(args.config, args.cfg_options,
                    scale=args.scale).pretty_text)


if __name__ == '__main__':
    sys.exit(run(main))
