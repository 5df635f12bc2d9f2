"""Public names are those of public_names.json; ``--write`` renews it."""
import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mmfusion import registry
from mmfusion.functional import FUSION_METRICS, PRESETS
from mmfusion.tasks import TASKS
from mmfusion.utils import register_all_modules

FILE = Path(__file__).parents[1] / 'public_names.json'
ROOMS = ('apis', 'datasets', 'deployment', 'evaluation', 'functional',
         'models.fusers', 'models.losses', 'models.wrappers', 'registry',
         'structures', 'video')
REGISTRIES = {
    name: known for name, known in sorted(vars(registry).items())
    if isinstance(known, registry.LazyRegistry)
}
HINT = ('Public names have changed. If that is meant, say so in CHANGELOG.md '
        '(a name that goes is deprecated first) and run: make public-names')


def room_names(room: str) -> list[str]:
    """``__all__``, or the registries, sorted."""
    if room == 'registry':
        return list(REGISTRIES)
    return sorted(import_module(f'mmfusion.{room}').__all__)


def types() -> dict[str, list[str]]:
    """Types of this package, not those of tests or projects."""
    register_all_modules(init_default_scope=False)
    return {
        name:
        sorted(key for key, made in known.module_dict.items()
               if made.__module__.startswith('mmfusion.'))
        for name, known in REGISTRIES.items()
    }


def lists() -> dict[str, list[str]]:
    """Names that users write besides those of types."""
    return dict(metrics=sorted(FUSION_METRICS), presets=sorted(PRESETS),
                tasks=sorted(TASKS))


def current() -> dict:
    """What the file has to say."""
    rooms = {f'mmfusion.{room}': room_names(room) for room in ROOMS}
    return dict(rooms=rooms, types=types(), lists=lists())


@pytest.fixture(scope='module')
def stated():
    return json.loads(FILE.read_text(encoding='utf-8'))


@pytest.mark.parametrize('room', ROOMS)
def test_names_of_a_room(room, stated):
    names = room_names(room)
    assert names == stated['rooms'][f'mmfusion.{room}'], HINT
    module = import_module(f'mmfusion.{room}')
    assert not [name for name in names if not hasattr(module, name)]


@pytest.mark.detection
def test_types(stated):
    assert types() == stated['types'], HINT


def test_metrics_presets_and_tasks(stated):
    assert lists() == stated['lists'], HINT


if __name__ == '__main__':
    text = json.dumps(current(), indent=1, ensure_ascii=False) + '\n'
    if sys.argv[1:] != ['--write']:
        sys.exit('Expected --write: renews ' + FILE.name)
    FILE.write_text(text, encoding='utf-8')
