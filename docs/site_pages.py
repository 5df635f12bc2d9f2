"""The pages of the site that no one writes by hand, and its navigation."""
import json
import os
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import isclass, isfunction, ismodule
from pathlib import Path

import yaml

#: a Markdown link or image: its text and its target, without an anchor
_LINK = re.compile(r'(\]\()(?!\w+:|#)([^)#\s]+)')
#: an entry of the navigation
_ENTRY = re.compile(r'^- \[[^\]]*\]\(([^)#\s]+)\)', re.M)
_FENCE = re.compile(r'^(```.*?^```)', re.M | re.S)

#: what the repository has -> the page that shows it
_PAGES = {
    'model-index.yml': 'model_zoo',
    'mmfusion/functional/presets.py': 'metrics',
    'mmfusion/apis/__init__.py': 'api',
    'demo/first_steps.ipynb': 'first_steps',
    'CONTRIBUTING.md': 'contributing',
    'SECURITY.md': 'security',
    'CHANGELOG.md': 'changes',
}


class SitePages:
    """Generated pages and the links to them.

    Args:
        root (Path): The repository.
        folder (Path): Where the generated pages go, below ``docs``.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.pages = {root / file: page for file, page in _PAGES.items()}
        for file in sorted(root.glob('configs/*/README.md')):
            self.pages[file] = f'configs_{file.parent.name}'
        for file in sorted(root.glob('mmfusion/weights/*.md')):
            self.pages[file] = f'weights_{file.stem}'

    def write(self) -> None:
        """Write all pages; what has not changed stays as it is."""
        texts = {}
        for file, page in self.pages.items():
            if file.suffix == '.md':
                text, origin = file.read_text(encoding='utf-8'), file.parent
            elif file.suffix == '.ipynb':
                text, origin = notebook(file), file.parent
            else:
                text, origin = _MADE[page](self.root), self.root
            texts[page] = self._moved(text, origin, self.folder)
        texts |= room_pages(self.root)
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.iterdir():
            if old.stem not in texts:
                old.unlink()
        for name, text in texts.items():
            path = self.folder / f'{name}.md'
            if not path.is_file() or path.read_text('utf-8') != text:
                path.write_text(text, encoding='utf-8')

    def shown(self, name: str, text: str) -> str:
        """A guide as the site shows it."""
        if name.startswith(f'{self.folder.name}/'):
            return text
        docs = self.folder.parent
        text = self._moved(text, docs, docs)
        if name != 'index':
            return text
        listed = {Path(entry).stem for entry in _ENTRY.findall(text)}
        others = sorted({file.name for file in docs.glob('*.md')} -
                        {f'{stem}.md' for stem in (*listed, 'index')})
        others += sorted(file for page in self.pages.values()
                         if page not in listed and (
                             file := f'{self.folder.name}/{page}.md'))
        if others:  # new ones, until they have a place
            text += '\n## More\n\n' + ''.join(
                f'- [{Path(file).stem}]({file})\n' for file in others)
        return text + ''.join(navigation(text))

    def _moved(self, text: str, origin: Path, target: Path) -> str:
        """The text of a file in ``origin`` as that of one in ``target``."""

        def place(link: re.Match) -> str:
            file = (origin / link[2]).resolve()
            page = self.pages.get(file)
            if page:
                file = self.folder / f'{page}.md'
            return link[1] + Path(os.path.relpath(file, target)).as_posix()

        parts = _FENCE.split(text)
        parts[::2] = [_LINK.sub(place, part) for part in parts[::2]]
        return ''.join(parts)


def navigation(index: str) -> Iterator[str]:
    """The tables of contents that the lists of ``index.md`` stand for."""
    for section in index.split('\n## ')[1:]:
        title, _, body = section.partition('\n')
        entries = '\n'.join(_ENTRY.findall(body))
        yield (f'\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n'
               f'{entries}\n```\n')


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ['---'] * len(head), *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines) + '\n'


def model_zoo(root: Path) -> str:
    """All configs with what their metafiles say of them."""
    text = ('# Model zoo\n\nEvery config, from the metafiles that '
            '`mmengine.hub` and `mim` read. A name is what '
            '[`FusionInferencer`](mmfusion/apis/__init__.py) and the command '
            'line take.\n\n')
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    for file in index['Import']:
        content = yaml.safe_load((root / file).read_text(encoding='utf-8'))
        folder = Path(file).parent
        text += f'## [{folder.name}]({folder}/README.md)\n\n'
        papers = {
            entry['Name']: entry.get('Paper')
            for entry in content['Collections']
        }
        rows = []
        for model in content['Models']:
            paper = papers[model['In Collection']]
            method = model['In Collection']
            about = model.get('Metadata', {})
            rows.append([
                f'[`{model["Name"]}`]({model["Config"]})',
                f'[{method}]({paper["URL"]})' if paper else method,
                str(about.get('Training Data', '')),
                _weights(model),
                _scores(model.get('Results') or [])
            ])
        text += table(['name', 'method', 'trained on', 'weights', 'scores'],
                      rows)
    return text


def _weights(model: dict) -> str:
    """Where the weights of a metafile's model come from."""
    if str(model.get('Weights', '')).startswith('box:'):
        return 'in the box'
    converter = model.get('Converter')
    return f'`convert.py --method {converter}`' if converter else ''


def _scores(results: list[dict]) -> str:
    return '; '.join(f'{result["Dataset"]}: ' +
                     ', '.join(f'{key} {value}'
                               for key, value in result['Metrics'].items())
                     for result in results)


def metrics(root: Path) -> str:
    """Variants of metrics, and the tables that take them."""
    from mmfusion.functional import FUSION_METRICS, PRESETS
    specs = sorted(
        FUSION_METRICS.values(), key=lambda spec:
        (spec.name.lower(), not spec.default, spec.variant))
    text = (
        '# All metrics\n\n† is *published-table compatible, not correct*. The '
        'variant in bold is what the bare name means. What becomes of several '
        'sources (sum or mean) and of borders: [Measure fused '
        'images](docs/evaluation.md#sources-and-borders).\n\n'
        '## Who uses which variant\n\n')
    keys = {spec.key: spec for spec in specs}
    used = {name: {} for name in dict.fromkeys(spec.name for spec in specs)}
    columns = [name for name in PRESETS if name != 'default']
    for column in columns:
        for stated in PRESETS[column].columns.values():
            spec = next(spec for spec in specs if stated == spec.key or (
                spec.default and stated == spec.name))
            used[spec.name][column] = spec.variant + '†' * (not spec.correct)
    text += table(['metric', *(f'`{name}`' for name in columns)],
                  [[f'`{name}`', *(row.get(key, '') for key in columns)]
                   for name, row in used.items() if row])
    text += ''.join(f'- `{name}`: {preset.note}\n'
                    for name, preset in PRESETS.items())
    text += '\n## Variants\n\n'
    rows = []
    for key, spec in keys.items():
        low, high = spec.value_range
        name = f'`{key}`' + '†' * (not spec.correct)
        rows.append([
            f'**{name}**' if spec.default else name, spec.arrow,
            f'{low:g} to {high:g}', spec.inputs,
            str(spec.min_size),
            spec.reference.replace('|', '\\|')
        ])
    return text + table(
        ['metric', 'best', 'range', 'reads', 'min side', 'definition'], rows)


def api(root: Path) -> str:
    """Rooms and registered types."""
    known = _public_names(root)
    types = [[f'`{registry}`', ', '.join(f'`{name}`' for name in names)]
             for registry, names in known['types'].items() if names]
    rooms = [[
        f'[`{room}`](docs/generated/{_page_of(room)}.md)',
        (import_module(room).__doc__ or '').partition('\n')[0]
    ] for room in known['rooms']]
    return ('# Python reference\n\n' + table(['room', ''], rooms) +
            '## Registered types\n\nWhat a config may name, by the registry '
            'of `mmfusion.registry` that finds it.\n\n' +
            table(['registry', 'types'], types) +
            '```{toctree}\n:hidden:\n\n' +
            '\n'.join(map(_page_of, known['rooms'])) + '\n```\n')


def room_pages(root: Path) -> dict[str, str]:
    """A page for each room with public names."""
    return {
        _page_of(room): _room_page(room, names)
        for room, names in _public_names(root)['rooms'].items()
    }


def _public_names(root: Path) -> dict:
    return json.loads((root / 'tests/public_names.json').read_text('utf-8'))


def _page_of(room: str) -> str:
    return room.replace('mmfusion', 'api').replace('.', '_')


def _room_page(room: str, names: list[str]) -> str:
    """Directives for the public names of a room."""
    module = import_module(room)
    text = f'# {room}\n\n```{{eval-rst}}\n.. automodule:: {room}\n\n'
    for name in names:
        value = getattr(module, name)
        if ismodule(value):
            kind, name = 'automodule', f'{value.__name__}\n   :members:'
        elif isclass(value):
            kind, name = 'autoclass', f'{room}.{name}\n   :members:'
        elif isfunction(value):
            kind, name = 'autofunction', f'{room}.{name}'
        else:  # its type's docstring would say nothing of it
            kind, name = 'py:data', f'{room}.{name}'
        text += f'.. {kind}:: {name}\n'
        if not getattr(value, '__module__', room).startswith(room):
            text += '   :no-index:\n'  # that of another room
        text += '\n'
    return text + '```\n'


def notebook(path: Path) -> str:
    """A notebook's cells and what they gave, as Markdown."""
    text = ''
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        text += source if cell['cell_type'] == 'markdown' else (
            f'```python\n{source}\n```')
        for output in cell.get('outputs', []):
            data = output.get('data', output)
            said = ''.join(data.get('text/plain', data.get('text', '')))
            if 'image/jpeg' in data:
                picture = data['image/jpeg'].replace('\n', '')
                text += ('\n\n<img alt="Output of the cell above" '
                         f'src="data:image/jpeg;base64,{picture}">')
            elif said:
                text += f'\n\n```text\n{said.rstrip()}\n```'
        text += '\n\n'
    return text


#: pages that are neither a file of the repository nor a notebook
_MADE = dict(model_zoo=model_zoo, metrics=metrics, api=api)
