"""Notebooks run cell by cell in one namespace, without jupyter."""
import ast
import base64
import contextlib
import io
import json
from pathlib import Path
from typing import Any


def run_notebook(path: Path) -> dict:
    """Run all code cells.

    Returns:
        dict: The notebook, with what each cell printed and gave.
    """
    notebook = json.loads(path.read_text(encoding='utf-8'))
    space: dict[str, Any] = {'__name__': '__main__'}
    for number, cell in enumerate(notebook['cells']):
        if cell['cell_type'] != 'code':
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            value = _run_cell(''.join(cell['source']),
                              f'{path.name}[{number}]', space)
        cell['outputs'] = []
        if printed.getvalue():
            cell['outputs'].append(
                dict(output_type='stream', name='stdout',
                     text=printed.getvalue()))
        if value is not None:
            cell['outputs'].append(
                dict(output_type='execute_result', execution_count=None,
                     metadata={}, data=_shown(value)))
    return notebook


def _run_cell(source: str, name: str, space: dict[str, Any]) -> Any:
    """The value of the cell's last expression, if it ends with one."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, 'exec'), space)
    return last and eval(compile(ast.Expression(last.value), name, 'eval'),
                         space)


def _shown(value: Any) -> dict[str, str]:
    """As jupyter shows it: pillow's images as pictures."""
    if not hasattr(value, 'save'):
        return {'text/plain': repr(value)}
    picture = io.BytesIO()
    value.save(picture, 'JPEG', quality=80)
    return {'image/jpeg': base64.b64encode(picture.getvalue()).decode()}
