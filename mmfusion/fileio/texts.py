"""Text files as editors and shells of all systems write them."""
import codecs
import io
from pathlib import Path

import mmengine.fileio as fileio

from mmfusion.utils.errors import UsageError

#: longer marks first: that of UTF-32 begins like one of UTF-16
_MARKS = ((codecs.BOM_UTF32_LE, 'utf-32-le'),
          (codecs.BOM_UTF32_BE, 'utf-32-be'), (codecs.BOM_UTF8, 'utf-8'),
          (codecs.BOM_UTF16_LE, 'utf-16-le'), (codecs.BOM_UTF16_BE,
                                               'utf-16-be'))


def read_text(path: str | Path, backend_args: dict | None = None,
              errors: str = 'strict') -> str:
    """Text of a file in UTF-8 or UTF-16, with or without a byte order mark.

    Args:
        path (str | Path): The file, on any backend of mmengine.
        backend_args (dict, optional): File backend.
        errors (str): What becomes of bytes that are no UTF-8:
            ``'surrogateescape'`` keeps them as names of files have them.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it is in another encoding; names it.
    """
    content = fileio.get(str(path), backend_args=backend_args)
    # Without a mark, a zero byte is the first half of a letter or the second.
    code = {0: 'utf-16-be', 1: 'utf-16-le'}.get(content[:2].find(0), 'utf-8')
    for mark, marked in _MARKS:
        if content.startswith(mark):
            content, code = content[len(mark):], marked
            break
    try:
        return content.decode(code, errors)
    except UnicodeDecodeError as error:
        raise UsageError(f'{path}: expected text in UTF-8 or UTF-16, got '
                         f'another encoding ({error}).') from error


def read_lines(path: str | Path,
               backend_args: dict | None = None) -> list[str]:
    """Lines of a list of names that hold something, without blanks around.

    Names that are no UTF-8 come as Python gives names of files.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it is damaged UTF-16.
    """
    text = read_text(path, backend_args, 'surrogateescape')
    lines = (line.strip() for line in io.StringIO(text, newline=None))
    return [line for line in lines if line]
