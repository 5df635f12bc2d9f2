"""The benchmark's page with names that would be markup or code."""
import pytest

from mmfusion.analysis.method_benchmark import Options, benchmark_methods
from mmfusion.functional import PRESETS
from mmfusion.functional.presets import Preset
from mmfusion.utils.errors import printable
from tests.support.image_files import NAMES, write_named_pairs

SETS = ('constructor', '"><script>alert(2)</script>')
METHODS = ('__proto__', '<b>\'"&lt;</b></script>')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    from mmengine.registry import DefaultScope
    DefaultScope.get_instance('mmfusion', scope_name='mmfusion')
    root = tmp_path_factory.mktemp('names')
    write_named_pairs(root)
    (root / 'vis' / '<i>alone.png').write_bytes(b'')
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, 'brief', Preset('brief', dict(EN='EN'), 'One.'))
        assert benchmark_methods(
            [f'{name}=baseline:average' for name in METHODS],
            [f'{name}={root / "vis"},{root / "ir"}' for name in SETS],
            Options(out=root / 'out', presets=('brief', ), shape=(32, 40),
                    runs=1, strips=len(NAMES))) == 1  # one without partner
    return root / 'out'


@pytest.mark.parametrize('chosen', SETS)
def test_names_are_text(browser, folder, chosen):
    page = browser.new_page()
    page.set_default_timeout(10000)
    trouble = []
    page.on('dialog', lambda dialog: trouble.append(dialog.message))
    page.on('pageerror', lambda error: trouble.append(str(error)))
    page.on('console', lambda message: trouble.append(message.text))
    page.goto((folder / 'index.html').as_uri())
    page.select_option('#set', label=chosen)
    rows = page.eval_on_selector_all(
        '#table tbody td:first-child',
        'cells => cells.map(cell => cell.textContent)')
    assert rows == list(METHODS)
    value = page.text_content('#table tbody tr:first-child td:nth-child(2)')
    assert float(value) > 0
    titles = page.eval_on_selector_all('.strips:not([hidden]) h3',
                                       'all => all.map(h => h.textContent)')
    assert set(titles) == {
        name if name.isascii() else printable(name) for name in NAMES.values()
    }
    captions = page.eval_on_selector_all(
        '.strips:not([hidden]) figcaption',
        'all => [...new Set(all.map(part => part.textContent))]')
    assert captions == ['visible', 'infrared', *METHODS]
    assert '<i>alone.png' in page.text_content('#problems li')
    assert page.locator('img[src=x], [onload], li i, td b b').count() == 0
    page.close()
    assert trouble == []
