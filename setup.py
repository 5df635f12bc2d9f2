"""Links that a build needs; all else of packaging is in pyproject.toml."""
import shutil
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent


def add_mim_extension() -> None:
    """Put ``configs``, ``tools`` and the model index into the package.

    mmengine looks below ``mmfusion/.mim`` for ``mmfusion::...`` configs. The
    folder is made whatever command setuptools was called with: modern pip
    runs ``dist_info`` and then ``editable_wheel`` or ``bdist_wheel``, never
    ``develop``. Relative links serve all of them, since an editable install
    then follows every edit, and a wheel takes the files behind the links.
    Where links are not to be had (Windows), the files are copied.
    """
    folder = ROOT / 'mmfusion' / '.mim'
    folder.mkdir(exist_ok=True)
    for name in ('configs', 'tools', 'model-index.yml'):
        source, target = ROOT / name, folder / name
        if not source.exists():
            raise FileNotFoundError(
                f'Expected {source}, which mmfusion\'s configs need, got '
                'nothing there. Build from a complete checkout or sdist.')
        if target.is_symlink() or target.is_file():
            target.unlink()
        elif target.is_dir():
            shutil.rmtree(target)
        try:
            target.symlink_to(Path('..', '..', name), source.is_dir())
        except OSError:
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, target)


add_mim_extension()
setup()
