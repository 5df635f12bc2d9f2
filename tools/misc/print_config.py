"""Print a config with everything it inherits."""
import argparse
import sys

from mmfusion.cli.flags import add_config
from mmfusion.cli.legacy import read_config, run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_config(parser)
    args = parser.parse_args()
    print(read_config(args).pretty_text)


if __name__ == '__main__':
    sys.exit(run(main))
