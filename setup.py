"""Packaging of mmfusion; settings of the tools stand in pyproject.toml."""
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def read_version() -> str:
    text = (ROOT / 'mmfusion' / 'version.py').read_text(encoding='utf-8')
    return re.search(r"__version__ = '([^']+)'", text).group(1)


def read_requirements(name: str) -> list:
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith(('#', '-'))]


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
setup(
    name='mmfusion',
    version=read_version(),
    description='Image fusion for OpenMMLab: fusers that train alone or '
    'jointly with any mmseg segmentor',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    keywords='image fusion, infrared and visible, segmentation, OpenMMLab',
    packages=find_packages(include=('mmfusion', 'mmfusion.*')),
    include_package_data=True,
    zip_safe=False,
    python_requires='>=3.10',
    # No mm* name here: two lines of distributions write the same folders,
    # so the user picks one of the extras 'onedl' and 'upstream'.
    install_requires=read_requirements('runtime'),
    extras_require={
        name: read_requirements(name)
        for name in ('onedl', 'upstream', 'detection', 'metrics', 'text',
                     'deployment', 'tests', 'docs')
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Image Processing',
    ],
)
