"""Flags that name outputs, against those that name sources."""
from argparse import Namespace

import pytest

from mmfusion.cli.outputs import refuse_sources
from mmfusion.utils.errors import UsageError


@pytest.fixture
def there(tmp_path):
    (tmp_path / 'vis').mkdir()
    (tmp_path / 'vis/1.png').write_bytes(b'x')
    (tmp_path / 'a.pth').write_bytes(b'x')
    (tmp_path / 'link').symlink_to('vis')
    (tmp_path / 'b.pth').symlink_to('a.pth')
    return tmp_path


@pytest.mark.parametrize('flags', [
    dict(checkpoint='a.pth', out='a.pth'),
    dict(checkpoint='a.pth', out='b.pth'),
    dict(model=['x.py', 'a.pth'], out='link/../a.pth'),
    dict(vis='vis', out='vis'),
    dict(vis='vis', out='link'),
    dict(fused=['mine=vis'], out='vis'),
    dict(data=['mine=ir,vis'], out='link'),
    dict(vis='vis', out='link/1.png'),
    dict(options=dict(load_from='a.pth'), out='b.pth'),
])
def test_refused(there, monkeypatch, flags):
    monkeypatch.chdir(there)
    with pytest.raises(UsageError, match='apart from the sources') as error:
        refuse_sources(Namespace(json=None, **flags), 'out', 'json')
    assert flags['out'] in str(error.value)


def test_two_outputs_of_one_name(there, monkeypatch):
    monkeypatch.chdir(there)
    with pytest.raises(UsageError, match='different names'):
        refuse_sources(Namespace(out='new', json='./new'), 'out', 'json')


def test_others_are_fine(there, monkeypatch):
    monkeypatch.chdir(there)
    refuse_sources(
        Namespace(vis='vis', checkpoint='a.pth', out='vis/notes.json',
                  json='new/1.png', steps=3), 'out', 'json')
