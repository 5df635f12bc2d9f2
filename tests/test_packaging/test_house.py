"""Imports keep to the floors that docs/architecture.md states."""
import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELLS = ('tools', 'demo', 'benchmarks')
ROW = re.compile(r'^\| (\d+) \| ([^|]*)\| ([^|]*)\|', re.M)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


FILES = {
    module_name(path): path for folder in ('mmfusion', *SHELLS)
    for path in sorted((ROOT / folder).rglob('*.py'))
    if '.mim' not in path.parts
}


def read_table() -> tuple[dict[str, int], set[tuple[str, str]]]:
    """Floor of each room; pairs of a floor of which one imports another."""
    floors, pairs = {}, set()
    page = (ROOT / 'docs/architecture.md').read_text(encoding='utf-8')
    for floor, rooms, beside in ROW.findall(page):
        for room in re.findall(r'`(\w+)`', rooms):
            assert room not in floors, f'{room} stands on two floors'
            floors[room] = int(floor)
        pairs.update(re.findall(r'`(\w+)` → `(\w+)`', beside))
    return floors, pairs


FLOORS, BESIDE = read_table()


def statements(node: ast.AST, deep: bool) -> Iterator[ast.AST]:
    """Statements below a node; not ``deep``: those that an import runs."""
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child,
                                 (ast.FunctionDef, ast.AsyncFunctionDef))
        for_types = isinstance(child, ast.If) and 'TYPE_CHECKING' in ast.dump(
            child.test)
        if deep or not (is_function or for_types):
            yield child
            yield from statements(child, deep)


def imports(module: str, deep: bool = True) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that a module imports."""
    path = FILES[module]
    package = module.split('.')
    if path.name != '__init__.py':
        package.pop()
    tree = ast.parse(path.read_text(encoding='utf-8'))
    for node in statements(tree, deep):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parts = package[:len(package) - node.level + 1]
            base = '.'.join(parts if node.level else [])
            base = '.'.join(filter(None, (base, node.module)))
            for alias in node.names:
                yield node.lineno, f'{base}.{alias.name}'


def our_module(name: str) -> str | None:
    """The file that defines a dotted name, as a module; None: not ours."""
    while name and name not in FILES:
        name = name.rpartition('.')[0]
    return name or None


def room(module: str) -> str | None:
    """None: the package itself, on the ground."""
    parts = module.split('.')
    if parts[0] != 'mmfusion':
        return parts[0]
    return parts[1] if len(parts) > 1 else None


def wrong(module: str, target: str) -> str | None:
    """What is wrong with an import, if anything."""
    here, there = room(module), room(target)
    if there in (None, here):
        return None
    if there == 'cli' and here not in (*SHELLS, '__main__'):
        return 'only command lines import cli'
    floor, other = FLOORS.get(here, 1), FLOORS[there]
    if other > floor:
        return f'floor {floor} imports floor {other}'
    if other == floor and here and (here, there) not in BESIDE:
        return f'{here} and {there} stand on one floor'
    return None


def test_every_room_stands_in_the_table():
    rooms = {room(module) for module in FILES} - {None}
    assert rooms == set(FLOORS)


def test_no_import_runs_up():
    found = [
        f'{FILES[module].relative_to(ROOT)}:{line} imports {name}: {reason}'
        for module in FILES for line, name in imports(module)
        if (target := our_module(name)) and (reason := wrong(module, target))
    ]
    assert not found, '\n'.join(
        ['See docs/architecture.md; move what is shared down:', *found])


def test_no_circle_between_files():
    """Of the imports that run when a file is imported."""
    graph = {
        module: {
            target for _, name in imports(module, deep=False)
            if (target := our_module(name)) not in (None, module)
        } for module in FILES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail('A circle of imports: ' + ' -> '.join(error.args[1][::-1]))


def test_registry_imports_mmengine_alone():
    roots = {name.split('.')[0] for _, name in imports('mmfusion.registry')}
    assert roots - set(sys.stdlib_module_names) == {'mmengine'}


def test_names_that_flags_choose_are_read_in_any_case():
    """Choices come from ``one_of``, or are of a type such as int."""
    found = [
        f'{path.relative_to(ROOT)}:{node.lineno}' for path in FILES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.Call) and
        {keyword.arg
         for keyword in node.keywords} & {'choices', 'type'} == {'choices'}
    ]
    assert not found, 'Use mmfusion.cli.flags.one_of: ' + ', '.join(found)


@pytest.mark.parametrize('lower, higher', [('models', 'apis'),
                                           ('models', 'evaluation'),
                                           ('functional', 'evaluation'),
                                           ('evaluation', 'apis'),
                                           ('apis', 'cli')])
def test_the_floors_that_matter_most(lower, higher):
    """The table itself must not be turned round."""
    assert FLOORS[lower] < FLOORS[higher]


def test_an_import_that_runs_up_is_found():
    assert wrong('mmfusion.models.losses.ssim', 'mmfusion.evaluation.tables')
    assert wrong('mmfusion.analysis.speed', 'mmfusion.cli.flags')
    assert wrong('mmfusion.datasets.msrs', 'mmfusion.models.fusers.base')
    assert wrong('mmfusion.apis', 'mmfusion.functional') is None
    names = {name for _, name in imports('mmfusion.evaluation')}
    assert 'mmfusion.functional.compute' in names
