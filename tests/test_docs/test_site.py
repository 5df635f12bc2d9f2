"""The documentation site: built without a warning, whole, without others'
servers."""
import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.pictures import keep_screenshot

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / 'docs'
sys.path.insert(0, str(DOCS))
from site_pages import SitePages, navigation, notebook  # noqa: E402


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The built site."""
    from sphinx.cmd.build import main
    out = tmp_path_factory.mktemp('site')
    assert main([
        '-W', '--keep-going', '-q', '-b', 'html', '-d',
        str(out / 'doctrees'),
        str(DOCS),
        str(out / 'html')
    ]) == 0
    return out / 'html'


def text_of(site, page):
    html = (site / f'{page}.html').read_text(encoding='utf-8')
    return re.sub(r'<[^>]+>', '', html)


def test_every_guide_and_config_is_there(site):
    pages = {path.stem for path in site.glob('*.html')}
    assert {path.stem for path in DOCS.glob('*.md')} <= pages
    zoo = text_of(site, 'generated/model_zoo')
    for metafile in ROOT.glob('configs/*/metafile.yml'):
        models = yaml.safe_load(metafile.read_text('utf-8'))['Models']
        assert not [
            model['Name'] for model in models if model['Name'] not in zoo
        ]
    assert 'in the box' in zoo and 'convert.py --method' in zoo


def test_every_public_name_has_its_docstring(site):
    rooms = json.loads((ROOT / 'tests/public_names.json').read_text())['rooms']
    for room, names in rooms.items():
        page = room.replace('mmfusion', 'api').replace('.', '_')
        html = (site / f'generated/{page}.html').read_text(encoding='utf-8')
        assert not [
            name for name in names if not re.search(
                rf'descname"><span class="pre">{name}<|'
                rf'id="module-mmfusion\.[\w.]*{name}"', html)
        ]


def test_every_metric_tells_who_uses_it(site):
    text = text_of(site, 'generated/metrics')
    for part in ('SSIM:cddfuse†', 'SSIM:gauss11', 'uint8†', '0 to 8'):
        assert part in text


def test_needs_no_other_server(site):
    """Links may lead elsewhere; what a page loads may not."""
    for path in site.rglob('*.html'):
        html = path.read_text(encoding='utf-8')
        loaded = re.findall(
            r'<(?:script|img|link|iframe)\b[^>]*?(?:src|href)="(https?:[^"]+)',
            html)
        assert not loaded, path
    for path in site.rglob('*.css'):
        assert not re.findall(r'url\(["\']?https?:|@import', path.read_text())


def test_looks_as_it_should(site, browser, tmp_path):
    page = browser.new_page(viewport=dict(width=1100, height=800))
    page.goto((site / 'index.html').as_uri())
    titles = page.eval_on_selector_all(
        '.sidebar-tree .caption', 'all => all.map(one => one.textContent)')
    assert titles[:5] == [  # 'More' may follow
        'First steps', 'Methods and models', 'Tutorials', 'Measure',
        'Reference'
    ]
    picture = keep_screenshot(page, 'site', tmp_path)
    page.close()
    assert picture.shape[:2] == (800, 1100) and picture.std() > 20


def test_links_are_moved(tmp_path):
    pages = SitePages(ROOT, DOCS / 'generated')
    shown = pages.shown(
        'a', '[c](../CONTRIBUTING.md#style) [d](data.md) [w](https://x.org)\n'
        '```python\nf[0](../CONTRIBUTING.md)\n```\n![i](images/a.png)')
    assert shown == (
        '[c](generated/contributing.md#style) [d](data.md) '
        '[w](https://x.org)\n```python\nf[0](../CONTRIBUTING.md)\n```\n'
        '![i](images/a.png)')
    assert list(
        navigation('# T\n\n## One\n\n- [A](a.md) text\n- [B](b.md)\n')) == [
            '\n```{toctree}\n:hidden:\n:caption: One\n\na.md\nb.md\n'
            '```\n'
        ]


def test_a_notebook_becomes_a_page(tmp_path):
    path = tmp_path / 'a.ipynb'
    path.write_text(
        json.dumps(
            dict(cells=[
                dict(cell_type='markdown', source=['# T\n', 'text']),
                dict(
                    cell_type='code', source=['1 + 1'], outputs=[
                        dict(data={'text/plain': ['2']}),
                        dict(text=['said\n']),
                        dict(data={'image/jpeg': 'QQ==\n'})
                    ])
            ])))
    assert notebook(path) == (
        '# T\ntext\n\n```python\n1 + 1\n```\n\n```text\n2\n```\n\n'
        '```text\nsaid\n```\n\n<img alt="Output of the cell above" '
        'src="data:image/jpeg;base64,QQ==">\n\n')
