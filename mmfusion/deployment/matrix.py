"""Which fuser exports in which format, and how exactly."""
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.registry import init_default_scope

from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import one_line
from mmfusion.utils.files import temporary_folder

from .exporting import FORMATS, OPSETS, export_model

Cell = dict[str, Any]
_NOT_FLAGGED = 'not exportable'


def columns(formats: Sequence[str] = tuple(FORMATS),
            opsets: Sequence[int] = OPSETS) -> list[tuple[str, int]]:
    """(format, opset) of each column; the opset counts for ONNX alone."""
    found = []
    for name in formats:
        found += [(name, opset)
                  for opset in opsets] if name == 'onnx' else [(name,
                                                                opsets[-1])]
    return found


def export_matrix(
        fusers: dict[str, dict], formats: Sequence[str] = tuple(FORMATS),
        opsets: Sequence[int] = OPSETS, shape: Sequence[int] = (96, 128),
        dynamic: bool = False,
        done: Callable[[], None] | None = None) -> dict[str, dict[str, Cell]]:
    """Export every fuser in every way, run each file and compare.

    Args:
        fusers (dict[str, dict]): Configs of fusers by name.
        formats (sequence[str]): Of ``FORMATS``.
        opsets (sequence[int]): Of ONNX.
        shape (sequence[int]): Height and width of files of fixed size.
        dynamic (bool): Whether to leave the size open.
        done (callable, optional): Called after each cell.

    Returns:
        dict[str, dict[str, dict]]: By fuser and column (``'onnx 17'``,
        ``'torchscript'``, ...) a cell with ``max_difference``, or with
        ``error`` where there is no exact file.
    """
    init_default_scope('mmfusion')
    results: dict[str, dict[str, Cell]] = {}
    for name, cfg in fusers.items():
        torch.manual_seed(0)
        model = ImageFuser(fuser=MODELS.build(cfg)).eval()
        cells = results[name] = {}
        for format, opset in columns(formats, opsets):
            title = f'onnx {opset}' if format == 'onnx' else format
            cells[title] = _cell(model, format, opset, shape, dynamic)
            if done is not None:
                done()
    return results


def _cell(model: ImageFuser, format: str, opset: int, shape: Sequence[int],
          dynamic: bool) -> Cell:
    if not type(model.fuser).exportable:
        return dict(error=_NOT_FLAGGED)
    with temporary_folder() as folder:
        try:
            report = export_model(model, folder / f'model{FORMATS[format]}',
                                  format=format, opset=opset, shape=shape,
                                  dynamic=dynamic)
        except Exception as error:  # a cell says what went wrong
            return dict(error=one_line(error))
    return dict(max_difference=report['max_difference'])


def failed_cells(results: dict[str, dict[str, Cell]]) -> list[str]:
    """What is flagged but has no file within the tolerance, with reasons."""
    return [
        f'{fuser}, {column}: {cell["error"]}'
        for fuser, cells in results.items() for column, cell in cells.items()
        if cell.get('error', _NOT_FLAGGED) != _NOT_FLAGGED
    ]


def matrix_table(results: dict[str, dict[str, Cell]]) -> str:
    """The matrix in Markdown; ``-`` where a fuser does not export."""
    titles = list(next(iter(results.values())))
    lines = [
        '| fuser | ' + ' | '.join(titles) + ' |',
        '|---' * (1 + len(titles)) + '|'
    ]
    for name, cells in results.items():
        texts = []
        for cell in cells.values():
            if 'max_difference' in cell:
                texts.append(f'{cell["max_difference"]:.0e}')
            else:
                texts.append('-' if cell['error'] == _NOT_FLAGGED else 'fails')
        lines.append(f'| {name} | ' + ' | '.join(texts) + ' |')
    return '\n'.join(lines)
