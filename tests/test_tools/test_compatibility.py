"""The tool that tries all networks of mmseg and mmdet behind a fuser."""
import json
import sys

import pytest
from mmengine.logging import MMLogger

from mmfusion.analysis.compatibility import table


@pytest.fixture
def level():
    """The tool is quiet; other tests are not."""
    logger = MMLogger.get_current_instance()
    before = logger.level
    yield
    logger.setLevel(before)


def test_kept_and_told(call, capsys, tmp_path, monkeypatch, level):
    """The tool goes on where it was, and renews a page."""
    tried = []

    def try_network(network):
        tried.append(network.name)
        return dict(works=True, size=64, config=network.paths[0].stem)

    monkeypatch.setattr(table, 'try_network', try_network)
    monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
    # compiled ones may have been imported before
    monkeypatch.setattr(table, 'has_mmcv_ops', lambda: False)
    page = tmp_path / 'page.md'
    page.write_text('before\n{}\nold\n{}\nafter\n'.format(*table.MARKS))
    tool = ('analysis_tools/compatibility.py', '--work-dir', tmp_path / 'w',
            '--package', 'mmseg', '--only')
    assert call(*tool, 'cgnet') == 0
    assert '| cgnet | cgnet | works |' in capsys.readouterr().out
    assert call(*tool, 'cgnet', 'bisenetv2', '--page', page) == 0
    assert tried == ['cgnet', 'bisenetv2']
    text = page.read_text()
    assert text.startswith('before') and text.endswith('after\n')
    assert '2 of 2 base models' in text and 'old' not in text
    page.write_text('no place')
    assert call(*tool, 'cgnet', '--page', page) == 2
    kept, = (tmp_path / 'w').glob('*.json')
    other = json.loads(kept.read_text())
    other['stack'] = dict(mmseg='another')
    kept.write_text(json.dumps(other))
    assert call(*tool, 'cgnet') == 0  # of other packages: tried again
    assert tried == ['cgnet', 'bisenetv2', 'cgnet']
    kept.write_text('[]')
    assert call(*tool, 'cgnet') == 2
