"""Amounts of memory as people write them."""
import re

from .errors import UsageError

_UNITS = dict(B=1, KB=10**3, MB=10**6, GB=10**9, TB=10**12, KIB=2**10,
              MIB=2**20, GIB=2**30, TIB=2**40)
_AMOUNT = re.compile(r'(\d+(?:\.\d+)?) *([KMGT]?)(I?)(B?)', re.I)


def parse_size(size: str | int) -> int:
    """Bytes of an amount of memory.

    Args:
        size (str | int): Such as ``'2GB'``, ``'1.5 GiB'``, ``'500m'``; a
            number alone is bytes.

    Raises:
        UsageError: If it is none, or not above 0.

    Examples:
        >>> parse_size('2GB'), parse_size('64KiB')
        (2000000000, 65536)
    """
    found = _AMOUNT.fullmatch(str(size).strip())
    amount = 0
    if found:
        number, unit, binary, _ = found.groups()
        key = f'{unit}{binary if unit else ""}B'.upper()
        amount = int(float(number) * _UNITS[key])
    if amount < 1:
        raise UsageError('Expected an amount of memory such as 2GB or 500MB, '
                         f'got {size!r}.')
    return amount


def told_size(size: float) -> str:
    """An amount of memory, rounded up, as :func:`parse_size` reads it.

    Examples:
        >>> told_size(1_234_567), told_size(12)
        ('1.3MB', '12B')
    """
    for unit in ('TB', 'GB', 'MB', 'KB'):
        if size >= _UNITS[unit]:
            return f'{-(-size * 10 // _UNITS[unit]) / 10:g}{unit}'
    return f'{-(-size // 1):g}B'
