"""Which methods a benchmark compares: entries, lists, refusals."""
from pathlib import Path

import pytest

from mmfusion.analysis.method_benchmark import read_methods
from mmfusion.cli.legacy import UsageError


def test_entries(trained):
    config = f'{trained}/configs/fusers/stage1.py'
    weights = f'{trained}/stage1/iter_2.pth'
    methods = read_methods([
        'baseline:guided', 'mean=baseline:average', f'{config}={weights}',
        f'Mine 2={config}={weights}'
    ])
    assert [m.name for m in methods] == ['guided', 'mean', 'stage1', 'Mine 2']
    assert methods[3].folder == 'Mine_2'
    assert [m.checkpoint for m in methods] == [None, None, weights, weights]


def test_list_of_all_methods(tmp_path, monkeypatch):
    """What is not at hand is left out; the box always is."""
    (tmp_path / 'work_dirs/zoo').mkdir(parents=True)
    (tmp_path / 'work_dirs/zoo/matr.pth').touch()
    monkeypatch.chdir(tmp_path)
    folder = Path(__file__).resolve().parents[2] / 'benchmarks'
    methods = {m.name: m for m in read_methods([f'{folder}/all_methods.py'])}
    assert list(methods) == [
        'average', 'maximum', 'laplacian', 'guided', 'default',
        'default_student', 'default_tasks', 'MATR'
    ]
    assert str(methods['default'].checkpoint).endswith('.safetensors')
    assert methods['MATR'].tasks == ('mri_ct', 'mri_pet', 'mri_spect')


def test_lists(trained, tmp_path):
    config = f'{trained}/configs/fusers/stage1.py'
    weights = f'{trained}/stage1/iter_2.pth'
    (tmp_path / 'list.txt'
     ).write_text(f'# rules\nbaseline:average\n\n{config}={weights}  # ours\n')
    (tmp_path / 'list.py').write_text(
        "methods = ['baseline:maximum', dict(name='again', "
        f'config={config!r}, checkpoint={weights!r})]\n')
    methods = read_methods(
        [str(tmp_path / 'list.txt'),
         str(tmp_path / 'list.py')])
    assert [m.name
            for m in methods] == ['average', 'stage1', 'maximum', 'again']
    for wrong in ("dict(cfg='x.py')",
                  "dict(config='baseline:average', tasks='mef')",
                  "dict(config='baseline:average', tasks=['x'])"):
        (tmp_path / 'list.py').write_text(f'methods = [{wrong}]\n')
        with pytest.raises(UsageError, match='dict.config='):
            read_methods([str(tmp_path / 'list.py')])


def test_an_untrained_network_is_refused(trained):
    config = f'{trained}/configs/fusers/stage1.py'
    with pytest.raises(UsageError, match='no checkpoint for a fuser'):
        read_methods([config])
    with pytest.raises(FileNotFoundError, match='no.pth.*convert.py'):
        read_methods([f'{config}=no.pth'])


@pytest.mark.parametrize('entries, words', [
    ([], 'at least one method'),
    (['baseline:best'], 'baseline:average, baseline:maximum'),
    (['baseline:average=x.pth'], 'without a checkpoint'),
    (['weights.pth'], 'CONFIG.=CHECKPOINT.'),
    (['baseline:average', 'baseline:average'], 'different names'),
])
def test_bad_entries(entries, words):
    with pytest.raises(UsageError, match=words):
        read_methods(entries)
