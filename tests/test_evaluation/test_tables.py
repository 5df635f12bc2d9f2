"""Summary tables: numbers, places, marks, and what LaTeX makes of them."""
import json
import math

import numpy as np
import pytest

from mmfusion.evaluation.records import Record, write_csv
from mmfusion.evaluation.tables import LABEL, ScoreTable
from mmfusion.functional import FusionMetricSpec


def spec(name, better, correct=True, top=math.inf):
    return FusionMetricSpec(name, 'v', len, better, (0, top),
                            f'{name} & friends 2020', correct=correct)


SPECS = dict(EN=spec('EN', True, top=8), Q_CV=spec('QCV', False),
             SSIM=spec('SSIM', True, correct=False), QSF=spec('QSF', None))
VALUES = {
    'a_1': [[7, 900, .5, -.2], [6, 700, .7, -.4], [5, 500, .9, -.3]],
    'b': [[4, 900, .7, .1], [9, 650, .7, .3], [5, 700, .7, .8]],
    'c': [[8, 1800, .1, -.1], [8, 1800, .2, .1], [8, 1801, .3, 0.]],
}


@pytest.fixture
def table():
    return ScoreTable.from_records(
        (Record(method, str(index), dict(zip(SPECS, row, strict=True)))
         for method, lines in VALUES.items()
         for index, row in enumerate(lines)), SPECS)


def test_statistics(table):
    assert table.images == dict(a_1=3, b=3, c=3)
    for name, function in dict(mean=np.mean, median=np.median,
                               std=np.std).items():
        for method, lines in VALUES.items():
            want = [function(column) for column in np.transpose(lines)]
            assert list(table.statistics[name][method].values()) == (
                pytest.approx(want))


def test_places_follow_the_directions(table):
    places = table.statistics['rank']
    # equal means share a place, and the next one is left out
    assert places == dict(a_1=dict(EN=2, Q_CV=1, SSIM=1,
                                   QSF=2), b=dict(EN=2, Q_CV=2, SSIM=1, QSF=3),
                          c=dict(EN=1, Q_CV=3, SSIM=3, QSF=1))
    assert table.mean_rank('c') == 2


def cells(text, start):
    line, = (line for line in text.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_markdown_of_means(table):
    text = table.to_markdown(['mean'])
    assert cells(text, '| method') == [
        'method', 'images', 'EN ↑', 'Q_CV ↓', 'SSIM † ↑', 'QSF →0'
    ]
    assert cells(text, '| a_1') == [
        'a_1', '3', '6.000', '**700.0**', '**0.7000**', '-0.3000'
    ]
    assert cells(text, '| c') == [
        'c', '3', '**8.000**', '1800.3', '0.2000', '**0.0000**'
    ]
    assert f'† {LABEL}' in text
    assert '- Q_CV: `QCV:v`, QCV & friends 2020' in text
    assert '### Median' not in text


def test_markdown_of_everything(table):
    text = table.to_markdown()
    blocks = text.split('### ')[1:]
    assert [block.splitlines()[0] for block in blocks
            ] == ['Mean', 'Median', 'Standard deviation', 'Rank of the mean']
    # medians have leaders of their own, deviations have none
    assert cells(blocks[1], '| b')[3] == '**700.0**'
    assert cells(blocks[1], '| a_1')[4] == '**0.7000**'
    assert '**' not in blocks[2]
    assert cells(blocks[3], '| c')[2:] == ['**1**', '3', '3', '**1**', '2.00']


def test_one_method_has_a_row_for_each_metric():
    table = ScoreTable.from_records([
        Record('mine', 'x', dict(EN=7.25, SSIM=.5)),
        Record('mine', 'y', dict(EN=6.75, SSIM=.5))
    ], {name: SPECS[name] for name in ('EN', 'SSIM')})
    text = table.to_markdown()
    assert cells(text, '| mine') == [
        'mine: 2 images', 'mean', 'median', 'standard deviation'
    ]
    assert cells(text, '| EN ↑') == ['EN ↑', '7.000', '7.000', '0.250']
    assert '**' not in text and 'Rank' not in text
    assert 'Rank' not in table.to_latex() and 'textbf' not in table.to_latex()


def test_methods_with_different_images():
    table = ScoreTable.from_records([
        Record(method, stem, dict(EN=5.))
        for method, stem in ('ax', 'ay', 'bx')
    ], dict(EN=SPECS['EN']))
    assert table.images == dict(a=2, b=1)
    assert 'different numbers of images' in table.to_markdown()


def test_latex(table):
    text = table.to_latex()
    assert text.startswith('% needs \\usepackage{booktabs}\n')
    assert text.count('\\begin{tabular}') == text.count('\\toprule') == 4
    mean = text.split('\\end{table}')[0]
    head, row = (line for line in mean.splitlines()
                 if line.startswith(('method', 'a\\_1')))
    assert head == (r'method & images & EN $\uparrow$ & Q\_CV $\downarrow$ & '
                    r'SSIM$^\dagger$ $\uparrow$ & QSF $\rightarrow\!0$ \\')
    assert row == (r'a\_1 & 3 & 6.000 & \textbf{700.0} & \textbf{0.7000} & '
                   r'-0.3000 \\')
    assert LABEL in mean
    columns = mean.split('\\begin{tabular}{')[1].split('}')[0]
    assert columns == 'lrrrrr'
    last = text.split('\\begin{tabular}{')[-1].split('}')[0]
    assert last == 'lrrrrrr'


def test_json(table):
    content = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert content['metrics']['EN'] == dict(metric='EN:v',
                                            higher_is_better=True,
                                            range=[0, 8],
                                            reference='EN & friends 2020',
                                            correct=True)
    assert content['metrics']['Q_CV']['range'] == [0, None]
    assert content['metrics']['SSIM']['correct'] is False
    method = content['methods']['b']
    assert method['images'] == 3 and method['rank']['Q_CV'] == 2
    assert method['mean']['Q_CV'] == 750 and method['median']['Q_CV'] == 700
    assert method['mean_rank'] == 2


def test_no_method():
    assert not ScoreTable.from_records([], SPECS).images


@pytest.mark.parametrize('method, head', [('', 'image,EN'),
                                          ('m', 'method,image,EN')])
def test_csv(tmp_path, method, head):
    value = 0.1 + 0.2
    write_csv(tmp_path / 'a.csv', [Record(method, 'x,y', dict(EN=value))],
              ['EN'])
    first, second = (tmp_path / 'a.csv').read_text().splitlines()
    assert first == head and second.endswith('"x,y",' + repr(value))
