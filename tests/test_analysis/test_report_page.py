"""The benchmark's page in headless Chromium, as a reader uses it.

Skipped where there is no browser; ``MMFUSION_BROWSER`` names one that must
work.
"""
import json

import cv2
import numpy as np
import pytest

from mmfusion.analysis.method_benchmark import Options, benchmark_methods
from mmfusion.functional import PRESETS
from mmfusion.functional.presets import Preset

METHODS = ('average', 'maximum', 'visible')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Three sets, one labelled, one of another task; two presets."""
    from mmengine.registry import DefaultScope
    DefaultScope.get_instance('mmfusion', scope_name='mmfusion')
    root = tmp_path_factory.mktemp('report')
    rng = np.random.RandomState(0)
    sets = []
    for name, count in (('day <1>', 4), ('night', 1)):
        for kind, channels in (('vis', 3), ('ir', 1)):
            (root / name / kind).mkdir(parents=True)
            for index in range(count):
                image = rng.randint(0, 80 + 40 * index, (40, 56, channels))
                cv2.imwrite(str(root / name / kind / f'{index}.png'),
                            image.astype(np.uint8))
        sets.append(f'{name}={root / name / "vis"},{root / name / "ir"}')
    (root / 'night' / 'vis' / 'left.png').write_bytes(b'')
    sets.append(f'brain@mri_pet={root / "night" / "ir"},'
                f'{root / "day <1>" / "vis"}')
    with pytest.MonkeyPatch.context() as patch:
        columns = dict(SD='SD', SSIM='SSIM:film', CC='CC')
        patch.setitem(
            PRESETS, 'brief',
            Preset('brief', columns, 'Three of each channel.', channels='rgb'))
        code = benchmark_methods([
            dict(config='baseline:average', tasks=['ivf']), 'baseline:maximum',
            'baseline:visible'
        ], sets,
                                 Options(
                                     out=root / 'out', presets=('brief', ),
                                     metrics=('EN', 'MSE', 'QSF', 'PSNR:film'),
                                     shape=(32, 40), runs=1, strips=2))
    assert code == 1  # a file without a partner
    # Scores of a segmentor on one set, without training one.
    path = root / 'out' / 'report.json'
    report = json.loads(path.read_text())
    report['segmentation'] = {
        'night': {
            name: dict(mean=10. + index, classes=[20. + index, None])
            for index, name in enumerate(METHODS)
        }
    }
    report['setting'].update(segmentor='seg.py', classes=['road', 'car'])
    path.write_text(json.dumps(report))
    html = root / 'out' / 'index.html'
    text = html.read_text()
    start = text.index('id="report">') + len('id="report">')
    end = text.index('</script>', start)
    data = json.dumps(report).replace('<', '\\u003c')
    html.write_text(text[:start] + data + text[end:])
    return root / 'out'


@pytest.fixture(scope='module')
def report(folder):
    return json.loads((folder / 'report.json').read_text())


@pytest.fixture(params=['light', 'dark'])
def scheme(request):
    return request.param


@pytest.fixture
def page(browser, folder):
    """The loaded page; whatever it complains of fails the test."""
    complaints, requests = [], []
    page = browser.new_page(viewport=dict(width=1300, height=800))
    page.set_default_timeout(10000)
    page.on('console', lambda message: complaints.append(message.text))
    page.on('pageerror', lambda error: complaints.append(str(error)))
    page.on('request', lambda request: requests.append(request.url))
    page.goto((folder / 'index.html').as_uri())
    yield page
    page.close()
    assert complaints == []
    outside = [
        url for url in requests if not url.startswith(('file:', 'data:'))
    ]
    assert outside == [] and sum(url.startswith('file:')
                                 for url in requests) == 1


def rows(page):
    """Texts of the table's cells."""
    return page.eval_on_selector_all(
        '#table tbody tr',
        'rows => rows.map(row => [...row.cells].map(c => c.textContent))')


def heads(page):
    return page.eval_on_selector_all('#table thead button',
                                     'heads => heads.map(h => h.textContent)')


def choose(page, kind, label):
    page.select_option(f'#{kind}', label=label)


def expected_means(report, name, key):
    return {
        method: np.mean(report['values'][name][method][key])
        for method in METHODS
    }


def test_first_view(page, report):
    assert page.title() == 'mmfusion: fusion methods compared'
    assert [row[0] for row in rows(page)] == list(METHODS)
    assert heads(page) == [
        'method', 'EN ↑', 'MSE ↓', 'QSF →0', 'PSNR:film† ↑', 'rank ↓',
        'latency (ms) ↓', 'memory (MiB) ↓', 'parameters (M) ↓', 'FLOPs (G) ↓'
    ]
    column = report['presets'][0]['columns'][1]
    means = expected_means(report, 'day <1>', column['key'])
    for row in rows(page):
        assert float(row[2]) == pytest.approx(means[row[0]], rel=1e-3)
    assert 'Means over 4 pairs' in page.text_content('#pairs')
    assert page.is_hidden('#problems')


@pytest.mark.parametrize('place, better', [(1, 'up'), (2, 'down'),
                                           (3, 'zero')])
def test_sorts_by_click(page, report, place, better):
    column = report['presets'][0]['columns'][place - 1]
    means = expected_means(report, 'day <1>', column['key'])
    badness = dict(up=lambda v: -v, down=lambda v: v, zero=abs)[better]
    best_first = sorted(METHODS, key=lambda name: badness(means[name]))
    button = f'#table thead tr th:nth-child({place + 1}) button'
    page.click(button)
    assert [row[0] for row in rows(page)] == best_first
    rising = dict(up='descending', down='ascending', zero='ascending')
    assert page.get_attribute(f'#table thead th:nth-child({place + 1})',
                              'aria-sort') == rising[better]
    assert page.locator('#table th[aria-sort]').count() == 1
    assert 'best first' in page.text_content('#sorted')
    page.click(button)
    assert [row[0] for row in rows(page)] == best_first[::-1]
    assert 'worst first' in page.text_content('#sorted')
    # The best value is bold, wherever its row is.
    bold = page.eval_on_selector_all(
        f'#table tbody tr td:nth-child({place + 1}) b',
        'cells => cells.map(c => c.closest("tr").cells[0].textContent)')
    assert bold == [best_first[0]]


def test_sorts_by_keyboard(page):
    page.focus('#picker summary')
    page.keyboard.press('Tab')
    page.keyboard.press('Tab')
    key = page.evaluate('document.activeElement.dataset.key')
    assert key == 'EN:bits@gray'
    page.keyboard.press('Enter')
    first = [row[0] for row in rows(page)]
    # The focus stays, so that the key can be pressed again.
    assert page.evaluate('document.activeElement.dataset.key') == key
    page.keyboard.press('Space')
    assert [row[0] for row in rows(page)] == first[::-1]


def test_switches_the_set(page, report):
    before = rows(page)
    page.click('#table thead th:nth-child(3) button')
    choose(page, 'set', 'night')
    assert 'Means over 1 pair;' in page.text_content('#pairs')
    assert 'mIoU (%) ↑' in heads(page)
    place = heads(page).index('mIoU (%) ↑')
    scores = {row[0]: row[place] for row in rows(page)}
    assert scores == dict(average='10.00', maximum='11.00', visible='12.00')
    cell = f'#table tbody tr:has-text("visible") td:nth-child({place + 1})'
    assert page.get_attribute(cell, 'title') == 'road 22.0'
    assert page.text_content(f'{cell} b') == '12.00'
    # The order by MSE stays.
    means = expected_means(report, 'night',
                           report['presets'][0]['columns'][1]['key'])
    assert [row[0] for row in rows(page)] == sorted(METHODS, key=means.get)
    assert 'Left out (1)' in page.text_content('#problems summary')
    assert 'left.png' in page.text_content('#problems li')
    assert page.locator('#charts circle').count() == 4 * 3  # of one pair
    choose(page, 'set', 'day <1>')
    choose(page, 'preset', 'selected')
    page.click('#table thead th:first-child button')
    assert rows(page) == before


def test_switches_the_preset(page, report):
    choose(page, 'preset', 'brief')
    columns = report['presets'][1]['columns']
    assert len(columns) == 3
    assert page.text_content('#note') == 'Three of each channel.'
    shown = heads(page)[1:len(columns) + 1]
    assert shown == [f'{c["head"]} {c["arrow"]}' for c in columns]
    assert page.locator('#charts svg').count() == len(columns)
    assert page.locator('#columns tbody tr').count() == len(columns)
    assert page.text_content('#warning') == ''
    means = expected_means(report, 'day <1>', columns[1]['key'])
    assert columns[1]['key'].endswith('@rgb')
    for row in rows(page):
        assert float(row[2]) == pytest.approx(means[row[0]], rel=1e-3)


def test_what_is_not_correct_says_so(page, report):
    label = 'published-table compatible, not correct'
    column = report['presets'][0]['columns'][3]
    title = page.get_attribute('#table thead th:nth-child(5)', 'title')
    assert column['reference'] in title and label in title
    assert page.text_content('#warning') == f'† {label}: PSNR:film.'
    other = page.get_attribute('#table thead th:nth-child(2)', 'title')
    assert report['presets'][0]['columns'][0]['reference'] in other
    assert label not in other
    page.click('details:has(#columns) summary')
    assert label in page.text_content('#columns tbody tr:nth-child(4)')


def test_images_of_the_chosen_set_load(page):
    for name, pairs, methods in (('day <1>', 2, 3), ('night', 1, 3), ('brain',
                                                                      1, 2)):
        choose(page, 'set', name)
        loaded = page.eval_on_selector_all(
            '.strips:not([hidden]) img', '''async images => {
                await Promise.all(images.map(image => image.decode()));
                return images.map(image => [image.naturalWidth,
                    image.offsetWidth > 0]);
            }''')
        # Two sources and the methods, each with two crops.
        assert len(loaded) == pairs * (2 + methods) * 3
        assert all(width >= 100 and shown for width, shown in loaded)
    assert page.locator('.strips[hidden] img').count() == 3 * 5 * 3


def test_curves_are_cumulative(page, report):
    key = report['presets'][0]['columns'][0]['key']
    values = sorted(report['values']['day <1>']['maximum'][key])
    points = page.get_attribute(
        '#charts .chart:first-child polyline[data-method="1"]', 'points')
    points = np.array([point.split(',') for point in points.split()], float)
    assert len(points) == 4
    # Shares at equal steps up to the whole; heights in line with values.
    np.testing.assert_allclose(np.diff(points[:, 0]), 61, atol=0.1)
    heights = -(points[:, 1] - points[0, 1])
    scale = heights[-1] / (values[-1] - values[0])
    np.testing.assert_allclose(heights, (np.array(values) - values[0]) * scale,
                               atol=0.2)
    page.hover('#legend [data-method="1"]')
    assert page.locator('#charts.dim .near').count() == 4
    page.hover('h1')
    assert page.locator('#charts.dim').count() == 0


def test_filters_by_task(page):
    """A method that is not compared on a task has no row there."""
    titles = page.eval_on_selector_all('#task option',
                                       'all => all.map(o => o.textContent)')
    assert titles == ['all', 'visible + infrared', 'MRI + PET']
    choose(page, 'task', 'MRI + PET')
    names = page.eval_on_selector_all('#set option',
                                      'all => all.map(o => o.textContent)')
    assert names == ['brain']
    assert [row[0] for row in rows(page)] == ['maximum', 'visible']
    assert page.text_content('#picker summary') == 'Methods (2 of 2 shown)'
    choose(page, 'task', 'visible + infrared')
    assert page.locator('#set option').count() == 2
    assert len(rows(page)) == 3


def test_picks_methods(page):
    """What is left out goes from table, curves, ranks and strips."""
    page.click('#picker summary')
    page.click('#methods label:has-text("maximum")')
    assert [row[0] for row in rows(page)] == ['average', 'visible']
    for place in ('#legend [data-method]',
                  '#charts .chart:first-child polyline[data-method]',
                  '#ranks svg polyline'):
        assert page.locator(place).count() == 2
    shown = '.strips:not([hidden]) section:first-child figure:not([hidden])'
    captions = page.eval_on_selector_all(f'{shown} figcaption',
                                         'all => all.map(c => c.textContent)')
    assert captions == ['visible', 'infrared', 'average', 'visible']
    page.click('#none')
    assert rows(page) == []
    page.click('#all')
    assert len(rows(page)) == 3


def test_ranks(page, report):
    """Of the chosen metric, with the test and the difference that counts."""
    choose(page, 'ranked', 'MSE')
    key = report['presets'][0]['columns'][1]['key']
    ranks = report['ranks']['day <1>'][key]
    words = page.locator('#ranks text').all_text_contents()
    drawn = dict(text.rsplit(' ', 1) for text in words if ' ' in text)
    expected = {**ranks['mean'], 'critical difference': ranks['critical']}
    assert {
        name: float(text) for name, text in drawn.items()
    } == pytest.approx(expected, abs=6e-3)
    assert f'{ranks["p"]:.4f}' in page.text_content('#significance')
    place = heads(page).index('rank ↓')
    for row in rows(page):
        own = [
            report['ranks']['day <1>'][column['key']]['mean'][row[0]]
            for column in report['presets'][0]['columns']
        ]
        assert float(row[place]) == pytest.approx(np.mean(own), abs=6e-4)


def test_light_and_dark(browser, folder, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto((folder / 'index.html').as_uri())
    paper, ink = (page.evaluate(f'getComputedStyle(document.body).{name}')
                  for name in ('backgroundColor', 'color'))
    page.close()

    def brightness(colour):
        return sum(map(int, colour[4:-1].split(',')))

    assert (brightness(paper) > brightness(ink)) == (scheme == 'light')


def test_no_sideways_scrolling_on_a_phone(browser, folder):
    page = browser.new_page(viewport=dict(width=390, height=800))
    page.goto((folder / 'index.html').as_uri())
    width = page.evaluate('document.documentElement.scrollWidth')
    page.close()
    assert width <= 390
