"""Flags of fusing, and those that say how pairs are loaded."""
import re

import pytest

from mmfusion.cli.flags import loading_of
from mmfusion.cli.legacy import parse


def test_fusion_flags():
    args, lines = parse('test_fusion', [
        'c', 'p', '--vis', 'v', '--ir', 'i', '--out-dir', 'o', '--save-mode',
        'minmax', '--grey', '--device', 'cpu'
    ])
    assert not lines
    assert (args.vis, args.ir, args.out_dir) == ('v', 'i', 'o')
    assert args.save_mode == 'minmax' and args.grey


@pytest.mark.parametrize('flag, legacy', [('--save-fused', False),
                                          ('--out', True)])
def test_fusion_output_aliases(flag, legacy):
    args, lines = parse('test_fusion', ['c', 'p', flag, 'o'])
    assert args.out_dir == 'o'
    assert bool(lines) == legacy


@pytest.mark.parametrize(
    'flags',
    [['--aug-test'], ['--format-only'], ['--tmpdir', 'd'], ['--gpu-collect'],
     ['--opacity', '0.5'], ['--show'], ['--eval-options', 'a=1']])
def test_flags_that_never_did_anything_to_fusion(flags):
    _, lines = parse('test_fusion', ['c', 'p', *flags])
    assert len(lines) == 1
    assert flags[0] in lines[0] and 'no effect' in lines[0]


@pytest.mark.parametrize('words, value', [
    (['7000', '9000'], (7000, 9000)),
    (['7000,9000'], (7000, 9000)),
    (['(7000, 9000)'], (7000, 9000)),
    (['-5', '40.5'], (-5, 40.5)),
    (['minmax'], 'minmax'),
    (['Full'], 'full'),
])
@pytest.mark.parametrize('tool', ['train', 'test', 'test_fusion'])
def test_loading_flags(tool, words, value):
    args, _ = parse(tool, [
        'c', *(['p'] if tool == 'test' else []), '--uint16-range', *words,
        '--on-size-mismatch', 'resize_vis', '--register', 'auto'
    ])
    assert loading_of(args) == dict(uint16_range=value, register='auto',
                                    on_size_mismatch='resize_vis')


def test_memory():
    args, _ = parse('test_fusion', ['c', '--max-memory', '1.5GiB'])
    assert args.max_memory == 3 * 2**29


def test_no_memory(capsys):
    with pytest.raises(SystemExit):
        parse('test_fusion', ['c', '--max-memory', 'lots'])
    assert 'memory such as 2GB or 500MB' in capsys.readouterr().err


@pytest.mark.parametrize('flags, message', [
    (['--uint16-range', '9', '7'], 'LOW below HIGH.*got 9 7'),
    (['--uint16-range', '9'], 'expected LOW HIGH'),
    (['--uint16-range', '1', '2', '3'], 'expected LOW HIGH'),
    (['--uint16-range', 'auto'], 'full or minmax'),
    (['--on-size-mismatch', 'crop'], 'resize_ir.*got crop'),
])
def test_wrong_loading_flags(flags, message, capsys):
    with pytest.raises(SystemExit):
        parse('test_fusion', ['c', *flags])
    assert re.search(message, capsys.readouterr().err)


def test_fusion_needs_both_folders(capsys):
    with pytest.raises(SystemExit):
        parse('test_fusion', ['c', 'p', '--vis', 'v'])
    assert '--vis and --ir' in capsys.readouterr().err
