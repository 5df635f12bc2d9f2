"""What a user can put right."""
from collections.abc import Collection
from typing import Any


class UsageError(ValueError):
    """A command or config that cannot work; the text says what to do."""


def one_line(error: BaseException) -> str:
    """The text of an error in one line; its type where it has none."""
    return ' '.join(str(error).split()) or type(error).__name__


def check_choice(known: Collection, error: type[Exception] = ValueError,
                 **values: Any) -> None:
    """Raise where a named value is none of those that are known."""
    *first, last = map(repr, known)
    for name, value in values.items():
        if value not in known:
            told = f'{", ".join(first)} or {last}' if first else last
            raise error(f'Expected {name} {told}, got {value!r}.')


def check_least(least: float, error: type[Exception] = ValueError,
                **values: float | None) -> None:
    """Raise where a named number is below ``least``; None is not."""
    for name, value in values.items():
        if value is not None and value < least:
            raise error(f'Expected {name} of at least {least}, got {value}.')
