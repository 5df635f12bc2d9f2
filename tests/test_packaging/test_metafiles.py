"""The model index names what exists, and nothing invented."""
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
METAFILES = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']


@pytest.fixture(scope='module')
def models():
    return [
        model for name in METAFILES
        for model in yaml.safe_load((ROOT / name).read_text())['Models']
    ]


def test_index_imports_every_metafile():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / 'configs').rglob('metafile.yml')
    }
    assert found == set(METAFILES)


def test_models_are_the_config_files(models):
    # mmengine's look-up misses entries that do not end in .py.
    listed = [model['Config'] for model in models]
    assert len(set(listed)) == len(listed)
    folders = {Path(name).parent for name in METAFILES}
    assert set(listed) == {
        path.relative_to(ROOT).as_posix() for folder in folders
        for path in (ROOT / folder).glob('*.py')
    }
    assert all(model['Name'] == Path(model['Config']).stem for model in models)


def test_nothing_is_invented(models, converter):
    """Weights are in the box, converters are in the table."""
    box = ROOT / 'mmfusion/weights'
    for model in models:
        assert 'Results' not in model, model['Name']
        if 'Weights' in model:
            assert (box / model['Weights'].removeprefix('box:')).is_file()
        if 'Converter' in model:
            assert converter.tables_of(model['Converter'])


@pytest.mark.parametrize('name', METAFILES)
def test_collections_and_readmes_exist(name):
    content = yaml.safe_load((ROOT / name).read_text())
    collections = {item['Name'] for item in content['Collections']}
    assert {model['In Collection']
            for model in content['Models']} == collections
    assert all(
        (ROOT / item['README']).is_file() for item in content['Collections'])


@pytest.mark.parametrize('name', METAFILES)
def test_folder_readme_mentions_its_configs(name):
    folder = (ROOT / name).parent
    text = (folder / 'README.md').read_text()
    for path in folder.glob('*.py'):
        assert path.name in text, path.name
