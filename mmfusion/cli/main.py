"""``mmfusion``: one command, with a word for each thing to do.

What a word does is imported when it is given, so that help and errors come
at once.
"""
import difflib
import sys
from collections.abc import Sequence
from importlib import import_module

from mmfusion.version import __version__

from .parsing import console_on
from .running import run

#: heading -> word -> module with a ``main`` that reads ``sys.argv``, and help
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    'Fuse': {
        'fuse': ('commands.fuse', 'two images, folders, patterns or videos'),
        'compare': ('commands.compare', 'one pair by several models, as one '
                    'picture and a table of scores'),
        'register': ('commands.register', 'find the matrix between two '
                     'cameras, for --register'),
        'demo': ('commands.demo', 'a page in the browser'),
        'video': ('video', 'two videos, cameras or folders of frames, with '
                  'all settings'),
    },
    'Models': {
        'list': ('commands.list', 'all models, and where their weights are'),
        'info': ('commands.info', 'what is known of a model'),
        'doctor': ('commands.doctor', 'what is installed, what is missing, '
                   'and how to repair it'),
    },
    'Train and measure': {
        'train': ('train', 'a config, in one stage or two'),
        'test': ('test', 'score a trained model on its data set'),
        'eval': ('evaluate', 'measure folders of fused images'),
        'export': ('export', 'to ONNX, TorchScript or torch.export'),
    },
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv (sequence[str], optional): A word of :data:`COMMANDS` and what
            it takes. Defaults to ``sys.argv[1:]``.

    Returns:
        int: The exit status, see :func:`.running.run`.
    """
    word, *rest = (sys.argv[1:] if argv is None else argv) or ['--help']
    if word in ('-h', '--help', 'help'):
        draw_help()
        return 0
    if word == '--version':
        print(f'mmfusion {__version__}')
        return 0
    known = {
        name: module for words in COMMANDS.values()
        for name, (module, _) in words.items()
    }
    if word not in known:
        close = difflib.get_close_matches(word, known, 1, 0.5)
        hint = f' Did you mean {close[0]!r}?' if close else ''
        print(
            f'error: Expected a command of {", ".join(known)}, got {word!r}.'
            f'{hint}', file=sys.stderr)
        return 2
    sys.argv = [f'mmfusion {word}', *rest]
    return run(lambda: import_module(f'mmfusion.cli.{known[word]}').main())


def draw_help() -> None:
    """Show all commands."""
    from rich.table import Table
    from rich.text import Text
    console = console_on(sys.stdout)
    console.print(
        Text.assemble(('usage: ', 'bold'), 'mmfusion COMMAND ... [--help]'))
    table = Table.grid(padding=(0, 2))
    for heading, words in COMMANDS.items():
        table.add_row('')
        table.add_row(Text(heading, style='bold'))
        for word, (_, text) in words.items():
            table.add_row(Text(f'  {word}', style='cyan'), Text(text))
    console.print(table)
    console.print('\nmmfusion fuse visible.png infrared.png -o fused.png')
