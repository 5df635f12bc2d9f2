"""What a user can put right."""
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any


class UsageError(ValueError):
    """A command or config that cannot work; the text says what to do."""


def changed_entries(before: Mapping, after: Mapping,
                    show: Callable[[Any], str] = repr) -> str:
    """``'key: before -> after'`` of all entries that differ, in one line."""
    return '; '.join(f'{key}: {show(before.get(key))} -> '
                     f'{show(after.get(key))}' for key in {
                         **before,
                         **after
                     } if before.get(key) != after.get(key))


def printable(text: str) -> str:
    """Text in one line, with escapes for what terminals do not take, such
    as line breaks in names and names that are no UTF-8."""
    return ''.join(letter if letter.isprintable() else letter.
                   encode('unicode_escape').decode() for letter in text)


def one_line(error: BaseException) -> str:
    """The text of an error in one line; its type where it has none."""
    return printable(' '.join(str(error).split())) or type(error).__name__


def spelled(known: Iterable[Any], word: Any) -> Any:
    """The known name that a word means in another case; else the word.

    Examples:
        >>> spelled(('mIoU', 'mDice'), 'miou'), spelled(('round', ), 'up')
        ('mIoU', 'up')
    """
    names = {name.lower(): name for name in known if isinstance(name, str)}
    return names.get(word.lower(), word) if isinstance(word, str) else word


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
