"""``mmfusion info``."""
import sys

from mmfusion.utils.errors import UsageError
from mmfusion.utils.model_index import (DEFAULT, ModelEntry, box_weights_of,
                                        model_entry, unknown_model)

from ..parsing import Parser, console_on


def main() -> None:
    """Show what is known of one model."""
    parser = Parser(description='Show what is known of a model.')
    parser.add_argument('name', nargs='?', default=DEFAULT,
                        help='of mmfusion list, or a config of this package')
    name = parser.parse_args().name
    entry = model_entry(name)
    if entry is None:
        raise UsageError(unknown_model(name))
    from rich.table import Table
    from rich.text import Text
    table = Table.grid(padding=(0, 2))
    table.add_column(style='bold', no_wrap=True)
    for heading, text in _facts(entry).items():
        if text:
            table.add_row(heading, Text(text))
    console_on(sys.stdout).print(table)


def _facts(entry: ModelEntry) -> dict[str, str]:
    """Headings and what to say below them; '' where there is nothing."""
    from mmfusion.utils.config_file import read_file
    cfg = read_file(entry.path)
    weights = box_weights_of(entry.name)
    need = '' if entry.ready else ' --weights FILE'
    return {
        'name':
        entry.name,
        'method':
        entry.collection,
        'paper':
        ' '.join(filter(None, map(entry.paper.get, ('Title', 'URL')))),
        'model':
        _types(cfg),
        'trained on':
        entry.trained_on,
        'weights':
        f'{weights} ({weights.stat().st_size / 2**20:.2f} MiB)'
        if weights else entry.source if entry.ready else entry.advice(),
        'model card':
        str(card) if weights and
        (card := weights.with_suffix('.md')).is_file() else '',
        'config':
        str(entry.path),
        'offers':
        _offered(cfg),
        'read more':
        entry.readme,
        'fuse':
        f'mmfusion fuse VIS IR -o OUT --model {entry.name}{need}',
    }


def _types(cfg) -> str:
    """The wrapper and its networks."""
    model = cfg.get('model') or {}
    parts = [
        model[part]['type']
        for part in ('fuser', 'student', 'segmentor', 'detector')
        if isinstance(model.get(part), dict) and 'type' in model[part]
    ]
    return f'{model.get("type", "")}({", ".join(parts)})'


def _offered(cfg) -> str:
    """Scales and choices of a form, as flags."""
    words = [f'--scale {scale}' for scale in cfg.get('scales') or ()]
    words += [
        f'--cfg-options {key}={"|".join(map(str, values))}'
        for key, values in (cfg.get('choices') or {}).items()
    ]
    return ', '.join(words)
