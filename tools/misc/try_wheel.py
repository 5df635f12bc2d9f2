"""Install the package into an empty environment and fuse a pair there.

The wheel goes through the sdist, so that both are tried. What pip installs
comes from its index or cache; fusing itself happens without a network.
"""
import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mmfusion.cli.running import run
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import temporary_folder

ROOT = Path(__file__).resolve().parents[2]
#: makes the pair, and looks at what was made of it
_PAIR = '''
import cv2, numpy as np
rng = np.random.default_rng(0)
cv2.imwrite('a.png', rng.integers(0, 256, (120, 160, 3), np.uint8))
cv2.imwrite('b.png', rng.integers(0, 256, (120, 160), np.uint8))
'''
_LOOK = '''
import cv2
image = cv2.imread('c.png')
assert image.shape == (120, 160, 3) and image.std() > 0, image.shape
'''


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--python', default=sys.executable, metavar='EXE',
                        help='interpreter of the environment; default this')
    parser.add_argument('--extras', nargs='+', default=['onedl'],
                        help='of the package; default onedl')
    parser.add_argument('--constraint', metavar='FILE',
                        help='versions, such as requirements/tested.txt')
    parser.add_argument('--out', metavar='DIR',
                        help='keep the sdist and the wheel here')
    return parser.parse_args()


def call(*command: object, cwd: Path, quiet: bool = False) -> None:
    """Run a command that has to succeed."""
    words = list(map(str, command))
    print('$', ' '.join(words), flush=True)
    environment = {
        key: value for key, value in os.environ.items()
        if key not in ('PYTHONPATH', 'PYTHONHOME')
    }
    done = subprocess.run(words, cwd=cwd, env=environment,
                          stdout=subprocess.DEVNULL if quiet else None)
    if done.returncode:
        raise UsageError(f'Expected success, got status {done.returncode} of '
                         f'{" ".join(words[:6])} ...')


def offline() -> Sequence[str]:
    """What cuts a command off from the network, where the system has it."""
    words = ['unshare', '--net', '--map-root-user']
    if shutil.which('unshare') and not subprocess.run(
        [*words, 'true'], capture_output=True).returncode:
        return words
    print('note: no unshare here; the network stays')
    return []


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist of this checkout, and the wheel that it gives."""
    call(sys.executable, 'setup.py', '-q', 'sdist', '-d', folder, cwd=ROOT)
    sdist, = folder.glob('*.tar.gz')
    call(sys.executable, '-m', 'pip', '-q', 'wheel', '--no-deps',
         '--no-build-isolation', '-w', folder, sdist, cwd=folder)
    wheel, = folder.glob('*.whl')
    return sdist, wheel


def main() -> None:
    args = parse_args()
    with temporary_folder() as folder:
        out = Path(args.out).resolve() if args.out else folder / 'dist'
        out.mkdir(parents=True, exist_ok=True)
        for path in build(out):
            print(f'{path.name}: {path.stat().st_size / 2**20:.2f} MiB')
        place = folder / 'environment'
        call(args.python, '-m', 'venv', place, cwd=folder)
        python = place / 'bin/python'
        wanted = f'{path}[{",".join(args.extras)}]'
        limits = ['-c', Path(args.constraint).resolve()
                  ] if args.constraint else []
        call(python, '-m', 'pip', '-q', 'install', *limits, wanted, cwd=folder)
        call(python, '-c', _PAIR, cwd=folder)
        alone = offline()
        mmfusion = place / 'bin/mmfusion'
        call(*alone, mmfusion, 'fuse', 'a.png', 'b.png', '-o', 'c.png',
             cwd=folder)
        call(*alone, python, '-c', _LOOK, cwd=folder)
        call(*alone, mmfusion, 'doctor', cwd=folder)
    print('ok')


if __name__ == '__main__':
    sys.exit(run(main))
