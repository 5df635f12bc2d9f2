"""PyTorch's exported files, looked through before PyTorch reads them.

A file of torch.export names functions by their place in ``torch``, whose
modules lead anywhere, and sizes as expressions that are evaluated; one of
TorchScript may write files. Networks need neither.
"""
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from mmfusion.utils.checkpoint import check_sums
from mmfusion.utils.errors import UsageError

_ARITHMETIC = ('abs add and_ eq floordiv ge getitem gt index inv invert le lt '
               'mod mul ne neg not_ or_ pos pow sub truediv truth xor')
_FUNCTIONS = (
    'Abs Add And CeilDiv CeilToInt CleanDiv Eq False FloatPow FloatTrueDiv '
    'FloorDiv FloorToInt Ge Gt Identity IntTrueDiv Integer Le Lt Max Min Mod '
    'ModularIndexing Mul Ne Not Or Piecewise Pow PowByNatural PythonMod '
    'Rational RoundToInt ToFloat True TruncToInt Where ceiling floor int_oo '
    'integer negative nonnegative nonpositive nonzero oo positive precision '
    'real zero abs max min int float round')
_TOKEN = (r"[suz]\w*?\d+\b|\d+(\.\d+)?\b|[-+*/%(),<>=!&|~ ]|"
          r"\b(Symbol|Float)\('[\w.+-]+'|"
          rf'\b({_FUNCTIONS.replace(" ", "|")})\b')
_EXPRESSION = re.compile(f'({_TOKEN})*')
#: what the strings of a program may be, by their key
_STRINGS = {
    'target':
    re.compile(r'torch\.ops\.(aten|prims|higher_order)\.(?!from_file)\w+'
               r'(\.\w+)?|math\.\w+|torch\.sym_\w+|'
               rf'_operator\.({_ARITHMETIC.replace(" ", "|")})'),
    'expr_str':
    _EXPRESSION,
    'guards_code':
    re.compile(r"(L\['\w+'\]|\.(size|stride|storage_offset)\(\)|\[\d+\]|"
               rf'\b(and|or|not)\b|\bmath\.[a-z]+|{_TOKEN})*'),
    'name':
    re.compile(r'\w*'),
    'as_name':
    re.compile(r'\w*'),
}
_PLAIN = re.compile(r'[\w.,:+>/@ -]*')
_EXTRA = re.compile(r'(^|/)extra')
_CONTAINERS = {None, 'builtins.tuple', 'builtins.list', 'builtins.dict'}
_FILES = re.compile(r'\b(torch|aten|ops\.\w+)\.(save|load|from_file)\s*\(')


def check_program(path: Path) -> None:
    """Look through a file of torch.export.

    Raises:
        DamagedCheckpoint: If it is damaged.
        UsageError: If it holds more than tensors and a graph of PyTorch's
            operators.
    """
    check_sums(path)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if '/data/aotinductor/' in name or '/custom_obj_' in name:
                _refuse(path, f'{name}, which is compiled code or an object')
            if name.endswith('.json') and not _EXTRA.search(name):
                _check(path, json.loads(archive.read(name)))


def check_script(path: Path) -> None:
    """Look through a file of TorchScript; see :func:`check_program`."""
    check_sums(path)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            found = _FILES.search(
                archive.read(name).decode(
                    'utf-8', 'replace')) if (name.endswith('.py')) else None
            if found:
                _refuse(path, f'a call of {found[0]}...) in {name}')


def _check(path: Path, node: Any, key: str = '') -> None:
    """Check all strings of a program; ``metadata`` is never evaluated."""
    if isinstance(node, dict):
        for name, value in node.items():
            if not (_PLAIN.fullmatch(name) or _EXPRESSION.fullmatch(name)):
                _refuse(path, f'the name {name!r}')
            if name != 'metadata':
                _check(path, value, name)
    elif isinstance(node, list):
        for value in node:
            _check(path, value, key)
    elif isinstance(node, str) and key in ('in_spec', 'out_spec'):
        _check_tree(path, json.loads(node) if node else None)
    elif isinstance(node,
                    str) and not _STRINGS.get(key, _PLAIN).fullmatch(node):
        _refuse(path, f'{key} {node!r}')


def _check_tree(path: Path, node: Any) -> None:
    """Check that the arguments of a program are in plain containers."""
    if isinstance(node, dict):
        if node.get('type') not in _CONTAINERS:
            _refuse(path, f'an argument of type {node["type"]!r}')
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            _check_tree(path, value)


def _refuse(path: Path, what: str) -> None:
    raise UsageError(
        f'Expected {path} to hold tensors and a graph of PyTorch\'s operators '
        f'only, got {what}: running it could run other code. Export the model '
        'again from its checkpoint, or use such a file in a sandbox.')
