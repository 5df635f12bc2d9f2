"""The benchmark of large images, with small ones."""
import contextlib
import io
import subprocess
import sys

from benchmarks import large_images


def test_numbers(monkeypatch, capsys):
    """Both sizes are measured, the larger one in tiles."""
    monkeypatch.setattr(large_images, 'SMALL', (64, 80))

    def run(words, **kwargs):
        monkeypatch.setattr(sys, 'argv', words[1:])
        with contextlib.redirect_stdout(io.StringIO()) as said:
            large_images.main()
        return subprocess.CompletedProcess(words, 0, said.getvalue().encode())

    monkeypatch.setattr(subprocess, 'run', run)
    monkeypatch.setattr(sys, 'argv', [
        'large_images.py', '--size', '96', '128', '--max-memory', '30MB',
        '--threads', '1', '--model', 'mmfusion::fusers/laplacian_pyramid.py'
    ])
    large_images.main()
    said = capsys.readouterr().out
    assert '80x64: ' in said and '128x96: ' in said
    assert 'times the time a pixel' in said
