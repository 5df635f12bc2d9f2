"""``mmfusion``: its commands, in this process."""
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mmfusion.cli.main import COMMANDS, main
from mmfusion.utils.files import is_ours
from tests.support.image_files import write_png

RULE = ('--model', 'laplacian_pyramid', '--device', 'cpu')
SIZE = (24, 32)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """``run('fuse', ...)``: exit code, stdout and stderr."""
    monkeypatch.setattr(sys, 'argv', ['mmfusion'])
    monkeypatch.chdir(tmp_path)

    def call(*words):
        try:
            code = main([str(word) for word in words])
        except SystemExit as error:  # argparse's
            code = error.code
        done = capsys.readouterr()
        return code, done.out, done.err

    return call


@pytest.fixture
def pair(tmp_path):
    """``a.png``, in colour, and ``b.png``, grey."""
    rng = np.random.default_rng(0)
    write_png(tmp_path / 'a.png', rng.integers(0, 256, (*SIZE, 3), np.uint8))
    write_png(tmp_path / 'b.png', rng.integers(0, 256, SIZE, np.uint8))
    return tmp_path


def video(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10,
                             SIZE[::-1])
    for index in range(frames):
        writer.write(np.full((*SIZE, 3), 40 * index, np.uint8))
    writer.release()
    return path


def test_help_names_all_commands(run):
    words = [word for part in COMMANDS.values() for word in part]
    code, out, _ = run('--help')
    assert code == 0 and all(f'  {word} ' in out for word in words)
    assert run()[1] == out
    assert run('--version')[1].startswith('mmfusion ')


@pytest.mark.parametrize('word',
                         [word for part in COMMANDS.values() for word in part])
def test_help_of_every_command(run, word):
    code, out, err = run(word, '--help')
    assert code == 0 and out.startswith(f'usage: mmfusion {word}')
    assert '--help' in out and not err


def test_help_keeps_brackets(run):
    assert '[NAME=]MODEL[=WEIGHTS]' in run('compare', '--help')[1]


def test_a_pair(run, pair):
    code, out, err = run('fuse', 'a.png', 'b.png', '-o', 'c.png', '--panel',
                         'panels/', *RULE)
    assert (code, out, err) == (0, 'wrote c.png\n', '')
    assert cv2.imread('c.png').shape == (*SIZE, 3) and is_ours('c.png')
    assert (pair / 'panels/a.png').is_file()
    assert run('fuse', 'a.png', 'b.png', '-o', 'new/c.jpg', '--panel',
               'new/p.png', '--save-mode', 'minmax', '--threads', 1,
               *RULE)[0] == 0
    assert sorted(path.name
                  for path in (pair / 'new').iterdir()) == ['c.jpg', 'p.png']
    assert run('fuse', 'a.png', 'b.png', '-o', 'new/', *RULE)[0] == 0
    assert (pair / 'new/a.png').is_file()
    assert run('fuse', 'a.png', 'b.png', '-o', 'grey.png', '--grey', '--task',
               'mff', *RULE)[0] == 0
    assert cv2.imread('grey.png', cv2.IMREAD_UNCHANGED).ndim == 2
    assert run('fuse', 'a.png', 'b.png', 'b.png', '-o', 'three.png',
               *RULE)[0] == 0


def test_folders_and_patterns(run, pair):
    for name in ('x_vis', 'y_vis'):
        write_png(pair / f'set/{name}.png', cv2.imread('a.png'))
    for name in ('x_ir', 'z_ir'):
        write_png(pair / f'set/{name}.png', cv2.imread('b.png', 0))
    code, out, err = run('fuse', 'set/*_vis.png', 'set/*_ir.png', '-o', 'out',
                         *RULE)
    assert code == 1 and out == 'fused 1 of 1 pairs into out\n'
    assert err.splitlines() == [
        'no partner: set/y_vis.png', 'no partner: set/z_ir.png'
    ]
    assert [path.name for path in (pair / 'out').iterdir()] == ['x.png']
    for name in ('v', 'i'):
        write_png(pair / f'{name}/1.png', cv2.imread('a.png'))
        (pair / name / '2.png').write_bytes(b'no image')
    code, out, err = run('fuse', 'v', 'i', '-o', 'out', *RULE)
    assert code == 1 and 'failed: 2: ' in err
    assert out == 'fused 1 of 2 pairs into out\n'


def test_videos(run, pair):
    for name, count in (('v.avi', 3), ('i.avi', 3), ('one.avi', 1)):
        video(pair / name, count)
    flags = ('--threads', 1, '--on-size-mismatch', 'resize_ir',
             '--uint16-range', 0, 9, *RULE)
    code, out, err = run('fuse', 'v.avi', 'i.avi', '-o', 'o.avi', *flags)
    assert code == 0 and 'wrote o.avi' in out, err
    code, out, err = run('fuse', 'one.avi', 'i.avi', '-o', 'p.avi', *RULE)
    assert code == 0 and 'single frame' in err
    code, _, err = run('fuse', 'v.avi', 'i.avi', '-o', 'q.avi', '--grey',
                       *RULE)
    assert code == 2 and err == 'error: --grey: not of videos. Leave it out.\n'


BAD = {
    'a missing file': (('a.png', 'none.png', '-o', 'c.png'), "'none.png'"),
    'no image': (('a.png', 'text.png', '-o', 'c.png'), 'a file that is none'),
    'an empty file': (('a.png', 'empty.png', '-o', 'c.png'), 'an empty file'),
    'a folder and a file':
    (('.', 'b.png', '-o', 'c.png'), "the folder '.' and the image 'b.png'"),
    'a video and an image': (('v.avi', 'b.png', '-o', 'c.png'),
                             "the video 'v.avi' and the image 'b.png'"),
    'no such pattern': (('*.tif', '*.tif', '-o', 'c', *RULE), "'*.tif'"),
    'an expanded pattern':
    (('a.png', 'b.png', 'old.png', '-o', 'new/', *RULE), 'quotes'),
    'three videos':
    (('v.avi', 'v.avi', 'v.avi', '-o', 'c.avi', *RULE), 'Expected two videos'),
    'an output that is a source':
    (('a.png', 'b.png', '-o', 'b.png', *RULE), 'apart from the sources'),
    'an output of no kind': (('a.png', 'b.png', '-o', 'c', *RULE),
                             'in a slash'),
    'a video of images': (('a.png', 'b.png', '-o', 'c.mp4', *RULE),
                          'after -o'),
    'a foreign output': (('a.png', 'b.png', '-o', 'old.png', *RULE),
                         '--overwrite'),
    'an unknown model': (('a.png', 'b.png', '-o', 'c.png', '--model',
                          'laplacian_pyramyd'),
                         "Did you mean 'laplacian_pyramid'?"),
    'missing weights': (('a.png', 'b.png', '-o', 'c.png', '--model',
                         'psfusion_msrs', '--weights', 'no.pth'), "'no.pth'"),
    'no weights': (('a.png', 'b.png', '-o', 'c.png', '--model',
                    'psfusion_msrs'), '--method psfusion'),
    'weights of another model':
    (('a.png', 'b.png', '-o', 'c.png', '--weights', 'other.pth', '--model',
      'mmdrfuse_student_alone_llvip'), 'another model'),
    'weights of a rule': (('a.png', 'b.png', '-o', 'c.png', '--weights',
                           'other.pth', *RULE), 'Expected no weights'),
    'a text alone': (('a.png', 'b.png', '-o', 'c.png', '--captions', 'x',
                      *RULE), 'go together'),
    'no output': (('a.png', 'b.png'), '-o/--output'),
    'another flag': (('a.png', 'b.png', '-o', 'c.png', '--modell', 'x'),
                     'mmfusion fuse --help'),
}


@pytest.mark.parametrize('words, told', BAD.values(), ids=BAD)
def test_bad_input_is_told_in_one_line(run, pair, words, told):
    import torch
    (pair / 'text.png').write_text('no image')
    (pair / 'empty.png').touch()
    write_png(pair / 'old.png', np.zeros(SIZE, np.uint8))
    torch.save({'conv.weight': torch.ones(1)}, pair / 'other.pth')
    video(pair / 'v.avi', 1)
    before = {path: path.read_bytes() for path in pair.iterdir()}
    code, out, err = run('fuse', *words)
    assert code == 2 and not out
    line, = err.splitlines()
    assert line.startswith('error: ') and told in line
    assert {path: path.read_bytes() for path in pair.iterdir()} == before


def test_swapped_modalities_give_a_hint(run, pair):
    with pytest.warns(UserWarning, match=r"b.png, .*'vis', is grey.*swapped"):
        assert run('fuse', 'b.png', 'a.png', '-o', 'c.png', *RULE)[0] == 0


def test_compare(run, pair):
    code, out, err = run('compare', 'a.png', 'b.png', '--models',
                         'laplacian_pyramid', 'mean=average', 'maximum', '-o',
                         'p.png', '--metrics', 'EN,SD', '--columns', 2,
                         '--threads', 1, '--device', 'cpu')
    assert code == 0, err
    rows = [line.split()[0] for line in out.splitlines()]
    assert rows == [
        'model', 'laplacian_pyramid', 'mean', 'maximum', 'best', 'wrote'
    ]
    assert 'EN ↑' in out and 'mean rank' in out
    assert cv2.imread('p.png').shape[0] > 3 * SIZE[0]
    for words, told in ((('a.png', 'b.png', '--models', 'maximun'),
                         'maximum'), (('.', '.'), 'Expected two images'),
                        (('a.png', 'b.png', '--models', 'average', '--preset',
                          'best'), 'best')):
        code, out, err = run('compare', *words)
        line, = err.splitlines()
        assert code == 2 and told in line


def test_list_and_info(run):
    code, out, _ = run('list', 'realtime*', '--names')
    assert code == 0 and out.split()[0] == 'realtime_base_msrs'
    code, out, _ = run('list', 'fusers/*')
    assert 'converter: psfusion' in out and 'none needed' in out
    assert 'realtime_tiny' not in out
    code, out, _ = run('list', '--weights', '--names')
    assert 'laplacian_pyramid' in out and 'psfusion_msrs' not in out
    assert run('list', 'nothing*')[0] == 1
    code, out, _ = run('info', 'psfusion_msrs')
    assert code == 0 and '--method psfusion' in out and 'MSRS' in out
    assert 'ImageFuser(PSFusion)' in out and '--scale synthetic' in out
    code, _, err = run('info', 'psfusion')
    assert code == 2 and "Did you mean 'psfusion_" in err


def test_other_words(run):
    code, out, err = run('fuze', 'a.png')
    assert code == 2 and not out
    assert err.endswith("got 'fuze'. Did you mean 'fuse'?\n")
    code, out, _ = run('eval', '--list')
    assert code == 0 and 'Presets:' in out
    code, _, err = run('train', 'none.py')
    assert code == 2 and "'none.py'" in err


def test_help_and_errors_come_at_once(tmp_path):
    """Before what takes long is imported."""
    code = ('import sys\n'
            'from mmfusion.cli.main import main\n'
            'for words in (["--help"], ["list"], ["fuse", "--help"],\n'
            '              ["fuse", "no.png", "no.png", "-o", "c.png"]):\n'
            '    try:\n'
            '        print(main(words), file=sys.stderr)\n'
            '    except SystemExit as error:\n'
            '        print(error.code, file=sys.stderr)\n'
            '    print(*({"torch", "mmengine", "yaml"} & set(sys.modules)),\n'
            '          file=sys.stderr)\n')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True,
                          text=True, cwd=tmp_path, check=True)
    lines = done.stderr.splitlines()
    assert lines[:6] == ['0', '', '0', 'yaml', '0', 'yaml']
    assert "at 'no.png'" in lines[6] and lines[7] == '2'
    assert 'torch' not in lines[8]
