"""``python -m mmfusion``: see :mod:`mmfusion.cli.main`."""
import sys

from mmfusion.cli.main import main

if __name__ == '__main__':
    sys.exit(main())
