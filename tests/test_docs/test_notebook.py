"""The notebook runs from start to end."""
import json
from pathlib import Path

import pytest

from tests.support.notebooks import run_notebook
from tests.support.pictures import pictures_are_renewed

PATH = Path(__file__).resolve().parents[2] / 'demo/first_steps.ipynb'


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp('notebook'))
        done = run_notebook(PATH)
    if pictures_are_renewed():
        PATH.write_text(
            json.dumps(done, indent=1, ensure_ascii=False) + '\n', 'utf-8')
    return done


def outputs(notebook):
    return [
        output for cell in notebook['cells']
        for output in cell.get('outputs', [])
    ]


def test_shows_images_scores_and_losses(done):
    texts = [output.get('text', '') for output in outputs(done)]
    scores, losses = filter(None, texts)
    assert 'Qabf    ↑' in scores and 'MSE     ↓' in scores
    assert 'segmentor.decode.loss_ce' in losses and 'fusion.loss' in losses
    assert sum('image/jpeg' in output.get('data', {})
               for output in outputs(done)) == 1


def test_committed_outputs_are_of_these_cells(done):
    """As many of each kind; their numbers may differ by machine."""
    stored = json.loads(PATH.read_text('utf-8'))
    kinds = [[(output['output_type'], *output.get('data', ()))
              for output in outputs(notebook)] for notebook in (stored, done)]
    assert kinds[0] == kinds[1], 'Renew them: make pictures'
