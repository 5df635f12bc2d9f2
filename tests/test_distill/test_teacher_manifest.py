"""Manifests of a teacher's images that cannot be read, and others' files."""
import cv2
import numpy as np
import pytest

from mmfusion.datasets.teacher_settings import warn_of_other_teachers
from mmfusion.distill.teacher_manifest import Manifest, forget
from mmfusion.utils.errors import UsageError


@pytest.mark.parametrize(
    'text',
    ['[]', '3', '{"images": {}}', '{"settings": {}, "images": {"1": 2}}'])
def test_records_of_another_tool(tmp_path, text):
    (tmp_path / 'manifest.json').write_text(text)
    with pytest.raises(UsageError, match='expected a manifest of this tool'):
        Manifest(tmp_path, dict(seed=1), (0, 1))
    assert (tmp_path / 'manifest.json').read_text() == text


@pytest.mark.parametrize('text', ['', '{"settings": {}, "ima', '[' * 100_000])
def test_damaged_manifests_of_teachers(tmp_path, capsys, text):
    """Nothing of them counts; the images are made anew."""
    folder = tmp_path / 'train/TEACHER_FUSED'
    folder.mkdir(parents=True)
    (folder / 'manifest.json').write_text(text)
    manifest = Manifest(folder, dict(seed=1), (0, 1))
    assert not manifest.images and not manifest.has('1')
    assert 'manifest.json is damaged' in capsys.readouterr().err
    cv2.imwrite(str(folder / '1.png'), np.zeros((4, 4), np.uint8))
    manifest.add('1', folder / '1.png', 0.1)
    manifest.save()
    assert Manifest(folder, dict(seed=1), (0, 1)).has('1')


def test_a_damaged_manifest_is_told_of(tmp_path):
    folder = tmp_path / 'train/TEACHER_FUSED'
    folder.mkdir(parents=True)
    (folder / 'manifest.json').write_text('{"settings": ')
    with pytest.warns(UserWarning, match='manifest.json is damaged'):
        warn_of_other_teachers(str(folder), ('train', 'val'))


def test_other_files_are_no_manifests(tmp_path):
    for name in ('manifest.json', 'manifest.0-of-2.json', 'manifest_of.json'):
        (tmp_path / name).write_text('{}')
    forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['manifest_of.json']
