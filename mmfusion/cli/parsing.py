"""The parser of all command lines: its help is drawn, its errors are short.

Only the standard library is imported before there is something to draw.
"""
import argparse
import sys
from typing import IO, Any, NoReturn


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose errors take one line."""

    def print_help(self, file: IO[str] | None = None) -> None:
        """Draw the help."""
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text
        console = console_on(file or sys.stdout)
        usage = self.format_usage().partition(':')[2].strip()
        console.print(Text.assemble(('usage: ', 'bold'), usage))
        if self.description:
            console.print(
                Padding(Text(self.description.strip()), (1, 0, 0, 0),
                        expand=False))
        formatter = self._get_formatter()
        for group in self._action_groups:
            table = Table.grid(padding=(0, 2))
            table.add_column(style='cyan', max_width=30)
            table.add_column()
            for action in group._group_actions:
                if action.help != argparse.SUPPRESS:
                    table.add_row(
                        Text(formatter._format_action_invocation(action)),
                        Text(
                            formatter._expand_help(action) if action.
                            help else ''))
            if table.row_count:
                console.print(
                    Padding(Text(f'{group.title}:', style='bold'),
                            (1, 0, 0, 0), expand=False))
                console.print(Padding(table, (0, 0, 0, 2), expand=False))
        if self.epilog:
            console.print(
                Padding(Text(self.epilog.strip()), (1, 0, 0, 0), expand=False))

    def error(self, message: str) -> NoReturn:
        """End the program; the help says the rest."""
        self.exit(2, f'error: {message} See {self.prog} --help.\n')


def console_on(file: IO[str]) -> Any:
    """rich's console of a stream, as wide as text wants to be.

    Text is drawn as it is: brackets in it are no markup.
    """
    from rich.console import Console
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 100
    return console
