"""Install onedl-mmcv with its compiled operators, from a cache if possible.

Compiling takes 4 to 8 minutes on two cores. The wheel is kept in pip's cache
folder, apart for each version of Python, torch and mmcv: pip's own cache
would also hand out a wheel without operators, or one of another torch.

    python tools/misc/build_mmcv.py [--constraint FILE] [--cache FOLDER]
"""
import argparse
import importlib.util
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from mmfusion.cli.legacy import run

NAME = 'onedl-mmcv'
PIP = [
    sys.executable, '-m', 'pip', '--disable-pip-version-check', '--no-input'
]


def has_operators() -> bool:
    """Whether the installed mmcv's operators load with the installed torch.

    In a process of its own: a wheel of another torch may crash.
    """
    if importlib.util.find_spec('mmcv') is None:
        return False
    return subprocess.run([sys.executable, '-c', 'import torch, mmcv._ext'],
                          capture_output=True).returncode == 0


def pinned_version(constraint) -> str:
    """``==2.3.6`` of a constraints file, or nothing."""
    if constraint is None:
        return ''
    found = re.search(rf'^{NAME}(==\S+)',
                      Path(constraint).read_text(), flags=re.MULTILINE)
    return found.group(1) if found else ''


def cache_folder() -> Path:
    """Where wheels for this Python and torch are kept."""
    folder = subprocess.run([*PIP, 'cache', 'dir'], capture_output=True,
                            text=True).stdout.strip()
    root = Path(folder) if folder else Path.home() / '.cache' / 'pip'
    return root / 'mmfusion'


def install(wheel) -> None:
    subprocess.run(
        [*PIP, 'install', '-q', '--no-deps', '--force-reinstall',
         str(wheel)], check=True)


def main(argv=None) -> int:
    """Returns 0 where the operators load in the end, 1 otherwise."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--constraint', help='constraints file with a pin')
    parser.add_argument('--cache', help="default: in pip's cache folder")
    args = parser.parse_args(argv)
    if has_operators():
        print('mmcv has its operators')
        return 0
    pin = pinned_version(args.constraint)
    try:
        torch_version = metadata.version('torch')
    except metadata.PackageNotFoundError:
        print(
            'error: expected torch, which mmcv compiles against, got '
            'none. Install it first.', file=sys.stderr)
        return 1
    kind = (f'py{sys.version_info.major}{sys.version_info.minor}-torch'
            f'{torch_version}')
    folder = Path(args.cache or cache_folder()) / kind
    pattern = f'onedl_mmcv-{pin[2:] or "*"}-cp*.whl'
    for wheel in sorted(folder.glob(pattern)):
        install(wheel)
        if has_operators():
            print(f'mmcv with operators from {wheel}')
            return 0
        wheel.unlink()  # of another machine, or damaged
    print(f'Compiling {NAME}{pin}, 4 to 8 minutes on two cores ...',
          flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    compiled = subprocess.run([
        *PIP, 'wheel', '-q', '--no-cache-dir', '--no-deps',
        '--no-build-isolation', '-w',
        str(folder), f'{NAME}{pin}'
    ], env=dict({'MAX_JOBS': str(os.cpu_count() or 1)}, **os.environ))
    if compiled.returncode:
        print(
            f'error: {NAME}{pin} did not compile; see above. It needs a '
            'C++ compiler, ninja and setuptools, and for CUDA the '
            'toolkit of the installed torch.', file=sys.stderr)
        return 1
    wheels = sorted(folder.glob(pattern), key=os.path.getmtime)
    if wheels:
        install(wheels[-1])
    if not has_operators():
        print(
            f'error: expected mmcv with operators from {NAME}{pin}, got '
            'none that load. Are torch and a C++ compiler installed?',
            file=sys.stderr)
        return 1
    print(f'compiled {wheels[-1]}')
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
