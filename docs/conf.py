"""Settings of the documentation site: ``make docs``.

Sphinx with MyST, as OpenMMLab's other packages have it: guides stay the
Markdown files that the repository's page shows, docstrings become the
reference, and a link that leads nowhere fails the build. The theme brings all
its files along, so that the site works without a network.
"""
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
os.environ.setdefault('OMP_NUM_THREADS', '1')

from site_pages import SitePages  # noqa: E402

from mmfusion.version import __version__  # noqa: E402

project = 'mmfusion'
author = 'The mmfusion contributors'
copyright = author
release = version = __version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
exclude_patterns = ['static', 'images']
myst_heading_anchors = 3
# Placeholders such as CFG make some commands and blocks no valid code.
highlight_options = dict(stripnl=False)
suppress_warnings = ['misc.highlighting_failure']

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = 'furo'
html_title = f'mmfusion {release}'
html_static_path = ['static']
html_css_files = ['site.css']
html_copy_source = False
html_show_sphinx = False


def setup(app) -> None:
    """Write the generated pages; let guides link what lies outside."""
    pages = SitePages(HERE.parent, Path(app.srcdir) / 'generated')
    app.connect('config-inited', lambda *_: pages.write())
    app.connect(
        'source-read', lambda app, name, source: source.__setitem__(
            0, pages.shown(name, source[0])))
