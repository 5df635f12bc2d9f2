"""``mmfusion demo`` from its flags to the page's end."""
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmfusion.cli.main import main
from mmfusion.utils.errors import UsageError
from mmfusion.web import page, serving
from mmfusion.web.fusing import PageModel
from mmfusion.web.uploads import UploadLimits


@pytest.fixture
def served(monkeypatch):
    """What the command would serve."""
    calls = []
    monkeypatch.setattr(serving, 'serve', lambda *args: calls.append(args))
    return calls


def test_defaults(served):
    assert main(['demo']) == 0
    models, host, port, limits = served[0]
    assert models[0] == PageModel('default')
    assert PageModel('laplacian_pyramid') in models
    assert (host, port) == ('127.0.0.1', None) and limits == UploadLimits()


def test_flags(served, tmp_path):
    weights = tmp_path / 'a.pth'
    weights.touch()
    assert main([
        'demo', '--models', 'laplacian_pyramid', f'psfusion_msrs={weights}',
        '--host', '0.0.0.0', '--port', '8000', '--max-mb', '5',
        '--max-megapixels', '2'
    ]) == 0
    assert served == [([
        PageModel('laplacian_pyramid'),
        PageModel('psfusion_msrs', str(weights))
    ], '0.0.0.0', 8000, UploadLimits(5, 2))]


@pytest.mark.parametrize('model, said', [
    ('laplacian_pyramit', "Did you mean 'laplacian_pyramid'"),
    ('psfusion_msrs', 'Expected --weights FILE'),
    ('default=nothing.pth', "weights at 'nothing.pth'"),
])
def test_models_that_cannot_be_offered(served, capsys, model, said):
    assert main(['demo', '--models', model]) == 2
    assert said in capsys.readouterr().err and not served


def test_ends_without_a_trace(monkeypatch, capsys):
    closed, folders = [], []

    def launch(self, host, port):
        folders.append(Path(self.folder))
        return SimpleNamespace(close=lambda: closed.append(1)), 'http://x'

    def wait(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(page.FusionPage, 'launch', launch)
    monkeypatch.setattr(threading.Event, 'wait', wait)
    with pytest.raises(KeyboardInterrupt):
        serving.serve([PageModel('default')])
    assert closed and not folders[0].exists()
    assert 'http://x' in capsys.readouterr().out


def test_without_gradio(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(UsageError, match=r'mmfusion\[web\]'):
        page.FusionPage([], tmp_path)
