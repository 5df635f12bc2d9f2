"""The commands of README and guides run, and the Python beside them."""
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from mmfusion.cli.main import main
from mmfusion.video import VideoWriter
from tests.support.guides import ROOT, code_blocks
from tests.support.image_files import write_png

PAGES = ('README.md', 'docs/command_line.md')
SIZE = (48, 64)


@pytest.fixture(autouse=True)
def pair(tmp_path, monkeypatch):
    """What the pages name, in the current folder."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (*SIZE, 3), np.uint8)
    for name in ('visible', 'visible/1', 'set/1_vis'):
        write_png(tmp_path / f'{name}.png', colour)
    for name in ('infrared', 'infrared/1', 'set/1_ir'):
        write_png(tmp_path / f'{name}.png', colour[..., 0])
    for name in ('visible', 'infrared'):
        writer = VideoWriter(tmp_path / f'{name}.avi', 10)
        for _ in range(2):
            writer.write(colour)
        writer.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['mmfusion'])


def commands(page: str) -> list[list[str]]:
    """The words of all lines of a page that call ``mmfusion``."""
    text = (ROOT / page).read_text(encoding='utf-8')
    blocks = re.findall(r'```bash\n(.*?)```', text, flags=re.S)
    return [
        shlex.split(line, comments=True)[1:] for block in blocks
        for line in block.replace('\\\n', ' ').splitlines()
        if line.startswith('mmfusion ')
    ]


@pytest.mark.parametrize('page', PAGES)
def test_commands_run(page):
    lines = commands(page)
    assert lines and [main(words) for words in lines] == [0] * len(lines)


@pytest.mark.parametrize('page', PAGES)
def test_python_beside_the_commands_runs(page):
    block = next(block for block in code_blocks(page)
                 if 'FusionInferencer' in block)
    exec(compile(block, page, 'exec'), {})
    image, = Path().glob('fused*/visible.png')
    assert image.is_file()
