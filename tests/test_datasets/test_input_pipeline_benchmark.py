"""The benchmark of the input pipeline runs and reports what it says."""
import importlib.util
import json
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / 'benchmarks/input_pipeline.py'


@pytest.fixture
def benchmark(monkeypatch):
    spec = importlib.util.spec_from_file_location('input_pipeline', PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'RECIPES',
                        dict(list(module.RECIPES.items())[1:3]))
    monkeypatch.setattr(module.cv2, 'setNumThreads', lambda number: None)
    monkeypatch.setattr(module.torch, 'set_num_threads', lambda number: None)
    return module


@pytest.mark.parametrize('as_json', [True, False])
def test_report(benchmark, monkeypatch, capsys, as_json):
    monkeypatch.setattr(
        'sys.argv', ['input_pipeline.py', '--rounds', '1', '--workers', '0'] +
        ['--json'] * as_json)
    benchmark.main()
    told = capsys.readouterr().out
    if not as_json:
        assert '| with label |' in told and 'Target of 60' in told
        return
    rows = json.loads(told)
    assert [row['recipe'] for row in rows] == list(benchmark.RECIPES)
    for row in rows:
        assert row['pairs_per_second'] > 0
        assert row['loader_pairs_per_second'] > 0
        # The steps make up the whole.
        total = sum(row['milliseconds'].values())
        assert 0.3 < total * row['pairs_per_second'] / 1e3 < 3
