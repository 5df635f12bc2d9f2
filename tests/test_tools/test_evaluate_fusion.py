"""evaluate_fusion.py: every flag, exit codes, and a run that is killed."""
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = 'analysis_tools/evaluate_fusion.py'
NAMES = ['EN', 'SD', 'SF', 'AG', 'MI', 'CC', 'PSNR']


def picture(seed, channels=3, size=(30, 41)):
    rng = np.random.RandomState(seed)
    small = rng.randint(0, 256, (5, 7, channels), np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def data(tmp_path):
    """Sources and the images of two methods, three scenes."""
    for place, name in enumerate(('ir', 'vis', 'one', 'two')):
        (tmp_path / name).mkdir()
        for index in range(3):
            image = picture(10 * place + index, 1 if name == 'ir' else 3)
            cv2.imwrite(str(tmp_path / name / f'{index}.png'), image)
    return tmp_path


@pytest.fixture
def evaluate(data, call):
    """Run the tool; exit code. Flags replace what is given here."""

    def run(*flags, fused=('one', 'two'), metrics=NAMES, sources=True):
        command = ['--fused', *(data / name for name in fused)]
        if sources:
            command += ['--vis', data / 'vis', '--ir', data / 'ir']
        if metrics:
            command += ['--metrics', *metrics]
        if '--out' not in flags:
            command += ['--out', data / 'out']
        return call(TOOL, *command, '--workers', 1, *flags)

    return run


def summary(data, out='out'):
    return json.loads((data / out / 'summary.json').read_text())


def means(data, method='one', out='out'):
    return summary(data, out)['methods'][method]['mean']


def test_two_methods(data, evaluate, capsys):
    assert evaluate() == 0
    text = capsys.readouterr()
    assert '| two | 3 |' in text.out and 'EN ↑' in text.out
    assert 'problem' not in text.err
    with open(data / 'out' / 'per_image.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    for name in NAMES:
        values = [float(row[name]) for row in rows if row['method'] == 'two']
        assert means(data, 'two')[name] == pytest.approx(np.mean(values))
    assert (data / 'out' / 'summary.tex').read_text().count('tabular') == 8
    assert 'Preset default; channels gray, grey rule bt601' in (
        data / 'out' / 'summary.md').read_text()


def test_one_method_and_its_table(evaluate, capsys):
    assert evaluate(fused=['one']) == 0
    assert '| one: 3 images | mean |' in capsys.readouterr().out


def test_commas_and_all_metrics(data, evaluate):
    assert evaluate(metrics=['EN,SD', 'MSE:unit']) == 0
    assert list(means(data)) == ['EN', 'SD', 'MSE:unit']


def test_every_metric(data, evaluate, monkeypatch):
    """'all' is every correct variant; a small registry for the test."""
    from mmfusion.functional import FUSION_METRICS
    keys = ('EN:bits', 'MSE:levels', 'MSE:unit', 'SF:mean')
    kept = {key: FUSION_METRICS[key] for key in keys}
    # the package's attribute of that name is the function
    module = sys.modules['mmfusion.functional.compute']
    monkeypatch.setattr(module, 'FUSION_METRICS', kept)
    assert evaluate(metrics=['All']) == 0
    assert list(means(data)) == ['EN', 'MSE', 'SF']


def test_preset_and_channels(data, evaluate):
    """A preset says which variant a bare name is and which channels."""
    assert evaluate('--preset', 'vifb', metrics=['SF', 'MI']) == 0
    found = summary(data)
    assert found['settings']['channels'] == 'rgb'
    assert found['metrics']['SF']['metric'] == 'SF:vifb'
    assert evaluate('--preset', 'vifb', '--channels', 'gray', '--out',
                    data / 'b', metrics=['SF', 'MI']) == 0
    assert means(data, out='b')['SF'] != means(data)['SF']
    assert '†' in (data / 'b' / 'summary.md').read_text()


def test_protocol_flags(data, evaluate):
    assert evaluate() == 0
    for place, flags in enumerate((['--grey',
                                    'pillow'], ['--stretch', 'trunc'])):
        out = f'out_{place}'
        assert evaluate(*flags, '--out', data / out) == 0
        assert summary(data, out)['settings'][flags[0][2:]] == flags[1]
    assert means(data, out='out_1')['SD'] > means(data)['SD']


def test_deep_files(data, evaluate):
    for index in range(3):
        image = picture(index, 1).astype(np.uint16) * 16 + 5
        cv2.imwrite(str(data / 'one' / f'{index}.png'), image)
    assert evaluate('--data-range', 4095, fused=['one']) == 0
    assert evaluate('--data-range', 4095, '--no-quantize', '--out',
                    data / 'fine', fused=['one']) == 0
    assert means(data, out='fine')['SD'] == pytest.approx(
        means(data)['SD'], rel=0.01)
    assert means(data, out='fine')['SD'] != means(data)['SD']
    assert summary(data, 'fine')['settings']['quantize'] is False


def test_other_sources(data, call):
    command = ['--fused', data / 'one', '--metrics', 'CC', '--workers', 1]
    assert call(TOOL, *command, '--out', data / 'a', '--sources',
                f'mri={data / "ir"}', data / 'vis', data / 'two') == 0
    assert call(TOOL, *command, '--out', data / 'b', '--sources', data / 'ir',
                data / 'vis') == 0
    assert means(data, out='a') != means(data, out='b')


def test_stem_rules_and_names(data, evaluate, call):
    assert evaluate() == 0
    for index in range(3):
        for name in ('one', 'two'):
            (data / name / f'{index}.png').rename(data / 'one' /
                                                  f'{index}-{name}.png')
        (data / 'vis' / f'{index}.png').rename(data / 'vis' /
                                               f'VIS{index}.png')
        (data / 'ir' / f'{index}.png').rename(data / 'ir' / f'{index}_ir.png')
    folder = data / 'one'
    assert call(TOOL, '--fused', f'one={folder}', f'two={folder}', '--vis',
                data / 'vis', '--ir', data / 'ir', '--fused-stem',
                '{stem}-{method}', '--vis-stem', 'VIS{stem}', '--ir-stem',
                '{stem}_ir', '--out', data / 'b', '--metrics', *NAMES,
                '--workers', 1) == 0
    assert summary(data, 'b') == summary(data)


def test_methods_from_names(data, evaluate, capsys):
    assert evaluate() == 0
    (data / 'all').mkdir()
    for path in [*(data / 'one').iterdir(), *(data / 'two').iterdir()]:
        path.rename(data / 'all' / f'{path.stem}_{path.parent.name}.png')
    assert evaluate('--methods-from-names', '--out', data / 'b',
                    fused=['all']) == 0
    assert summary(data, 'b') == summary(data)
    assert evaluate('--methods-from-names') == 2
    assert 'one folder after --fused' in capsys.readouterr().err


def test_names_in_any_case(data, evaluate):
    assert evaluate('--preset', 'VIFB', '--channels', 'Gray', '--grey',
                    'MATLAB', '--stretch', 'ROUND', metrics=['sf']) == 0
    found = summary(data)
    assert found['preset'] == 'vifb' and found['settings']['grey'] == 'matlab'
    assert found['metrics']['SF']['metric'] == 'SF:vifb'
    assert found['settings']['channels'] == 'gray'


def test_some_stems(data, evaluate, capsys):
    (data / 'stems.txt').write_text('2\n0\n\n')
    assert evaluate('--stems', data / 'stems.txt') == 0
    assert summary(data)['methods']['one']['images'] == 2
    assert evaluate('--stems', data / 'no.txt') == 2
    assert 'no.txt' in capsys.readouterr().err


def test_problems_are_named(data, evaluate, capsys):
    (data / 'one' / '0.png').unlink()
    cv2.imwrite(str(data / 'two' / '1.png'), picture(0, size=(8, 9)))
    (data / 'two' / '2.png').write_bytes(b'not an image')
    assert evaluate() == 1
    text = capsys.readouterr()
    for line in ('problem: 0: no file of one', 'problem: 1: two: Expected',
                 'problem: 2: two: Expected an image'):
        assert line in text.err
    assert {
        name: method['images']
        for name, method in summary(data)['methods'].items()
    } == dict(one=2, two=1)
    assert '| one | 2 |' in text.out


def test_nothing_to_measure(data, evaluate, capsys):
    for path in (data / 'vis').iterdir():
        path.write_bytes(b'')
    assert evaluate() == 1
    text = capsys.readouterr()
    assert text.err.count('problem: ') == 3 and 'wrote' not in text.out


def test_restart(data, evaluate, capsys):
    assert evaluate() == 0
    assert evaluate(metrics=['EN']) == 2
    assert '--restart to measure anew' in capsys.readouterr().err
    assert list(means(data)) == NAMES
    assert evaluate('--restart', metrics=['EN']) == 0
    assert list(means(data)) == ['EN']


def test_workers(data, evaluate):
    assert evaluate() == 0
    assert evaluate('--workers', 2, '--out', data / 'b') == 0
    assert summary(data, 'b') == summary(data)


def test_a_worker_that_dies(evaluate, monkeypatch, capsys):
    monkeypatch.setattr('mmfusion.evaluation.scenes.compute',
                        lambda *args, **kwargs: os._exit(9))
    assert evaluate('--workers', 2) == 2
    assert 'fewer than 2 workers. What is measured' in capsys.readouterr().err


def test_list(call, capsys):
    assert call(TOOL, '--list') == 0
    text = capsys.readouterr().out
    for part in ('EN:bits *', '↓', 'F, sources', 'film (channels gray)',
                 'published-table compatible, not correct'):
        assert part in text


@pytest.mark.parametrize('flags, message', [
    (['--out', 'o', '--vis', 'v', '--ir', 'i'], 'Expected --fused'),
    (['--fused', 'f', '--vis', 'v', '--ir', 'i'], 'Expected --out'),
    (['--fused', 'f', '--out', 'o'], '--vis DIR and --ir DIR'),
    (['--fused', 'f', '--out', 'o', '--vis', 'v'], '--vis DIR and --ir DIR'),
    ([
        '--fused', 'f', '--out', 'o', '--vis', 'v', '--ir', 'i', '--sources',
        'a', 'b'
    ], 'either --vis'),
    (['--fused', 'f', '--out', 'o', '--sources', 'a'], 'two folders'),
    ([
        '--fused', 'a/f', 'b/f', '--out', 'o', '--sources', 'a', 'b',
        '--metrics', 'EN'
    ], 'NAME=b/f'),
    (['--fused', 'f', '--out', 'o', '--sources', 'a', 'b', '--workers', '0'
      ], '--workers of 1'),
    ([
        '--fused', 'f', '--out', 'o', '--sources', 'a', 'b', '--metrics',
        'beauty'
    ], 'beauty'),
    (['--fused', 'f', '--out', 'o', '--sources', 'a', 'b', '--preset', 'mine'
      ], 'mine'),
    ([
        '--fused', 'f', '--out', 'o', '--sources', 'a', 'b', '--metrics', 'EN',
        '--grey', 'cie'
    ], 'cie'),
    ([
        '--fused', 'f', '--out', 'o', '--sources', 'a', 'b', '--metrics', 'EN',
        '--stretch', 'yes'
    ], 'yes'),
    ([
        '--fused', 'f', '--out', 'o', '--sources', 'a', 'b', '--metrics', 'EN',
        '--channels', 'hsv'
    ], 'hsv'),
    (['--fused', 'f', '--out', 'o', '--sources', 'a', 'b', '--metrics', 'EN'
      ], "folder of 'a'"),
])
def test_wrong_commands(call, capsys, tmp_path, monkeypatch, flags, message):
    monkeypatch.chdir(tmp_path)
    assert call(TOOL, *flags) == 2
    text = capsys.readouterr().err
    assert text.startswith('error: ') or '\nerror: ' in text
    assert message in text
    assert not list(tmp_path.iterdir())


def test_a_killed_run_goes_on(data):
    """As a process of its own, killed after a few of many images."""
    for place, name in enumerate(('ir', 'vis', 'one', 'two')):
        for index in range(60):
            image = picture(100 * place + index, 3, (240, 320))
            cv2.imwrite(str(data / name / f'{index}.png'), image)
    command = [
        sys.executable,
        str(ROOT / 'tools' / TOOL), '--fused', data / 'one', data / 'two',
        '--vis', data / 'vis', '--ir', data / 'ir', '--metrics', *NAMES,
        '--workers', '2', '--out', data / 'out'
    ]
    command = list(map(str, command))
    records = data / 'out' / 'records.jsonl'
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while not records.exists() or len(records.read_bytes()) < 4000:
        assert process.poll() is None, 'finished before it could be killed'
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = records.read_text().rpartition('\n')[0]
    assert 3 < len(kept.splitlines()) < 121
    assert not (data / 'out' / 'summary.json').exists()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = records.read_text()
    assert text.startswith(kept) and len(text.splitlines()) == 121
    assert summary(data)['methods']['two']['images'] == 60


@pytest.fixture
def oracle_folder():
    root = os.environ.get('MMFUSION_ORACLE')
    if not root:
        pytest.skip('MMFUSION_ORACLE does not name the reference values')
    return Path(root)


def test_values_of_vifb(oracle_folder, call, tmp_path):
    """VIFB's MATLAB values, from its own JPEG files."""
    methods = ('CBF', 'GTF', 'U2Fusion')
    columns = {
        'EN': 'Entropy',
        'SF': 'Spatial_frequency',
        'SD': 'Variance',
        'AG': 'Avg_gradient',
        'EI': 'Edge_intensity',
        'RMSE': 'Rmse',
        'MI': 'Mutinf',
        'CE': 'Cross_entropy',
        'PSNR': 'Psnr',
        'Qabf': 'Qabf',
        'SSIM': 'Ssim',
        'QCB': 'Qcb',
        'QCV': 'Qcv'
    }
    (tmp_path / 'stems.txt').write_text('labMan\nwalking2\n')
    fused = oracle_folder / 'fused'
    assert call(TOOL, '--fused', *(f'{name}={fused}'
                                   for name in methods), '--fused-stem',
                '{stem}_{method}', '--vis', oracle_folder / 'vi', '--ir',
                oracle_folder / 'ir', '--preset', 'vifb', '--stems',
                tmp_path / 'stems.txt', '--out', tmp_path / 'out') == 0
    assert set(summary(tmp_path)['metrics']) == set(columns)
    with open(tmp_path / 'out' / 'per_image.csv', newline='') as file:
        got = {
            (row['image'], row['method']): row for row in csv.DictReader(file)
        }
    with open(oracle_folder / 'vifb_matlab.csv', newline='') as file:
        want = [
            row for row in csv.DictReader(file)
            if row['fused_file_differs_from_evaluated'] == '0' and
            row['method'] in methods and row['pair'] in ('labMan', 'walking2')
        ]
    assert len(got) == len(want) == 6
    for row in want:
        ours = got[row['pair'], row['method']]
        for key, column in columns.items():
            assert float(ours[key]) == pytest.approx(float(row[column]),
                                                     rel=6e-5), (row['pair'],
                                                                 key)


def test_starts_without_torch():
    """A tool that reads folders is there in a moment."""
    code = ('import sys; import mmfusion.evaluation.folders, '
            'mmfusion.evaluation.listing; '
            'assert "torch" not in sys.modules, "torch"')
    subprocess.run([sys.executable, '-c', code], check=True)
