"""Published files of the zoo: bundles, arrays, folders, wrong ones."""
import numpy as np
import pytest
import torch
from mappings.published import read_tensors
from mappings.tf_bundle import read_bundle

from mmfusion.utils.errors import UsageError
from tests.support.tf_bundles import write_bundle


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    return {
        'layer/bias': rng.random(3, dtype=np.float32),
        'layer/kernel': rng.random((3, 3, 2, 3), dtype=np.float32),
        'layer/kernel/Adam': np.zeros((3, 3, 2, 3), np.float32),
        'step': np.array(7, np.int64)
    }


def test_bundle(tmp_path, tensors):
    """Names that share a beginning, a scalar, kernels in torch's order."""
    path = write_bundle(tmp_path / 'model.ckpt', tensors)
    found = read_bundle(path)
    assert sorted(found) == sorted(tensors)
    for name, array in tensors.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    ours = read_tensors(path)
    assert sorted(ours) == ['layer/bias', 'layer/kernel', 'step']
    np.testing.assert_array_equal(
        ours['layer/kernel'], tensors['layer/kernel'].transpose(3, 2, 0, 1))
    for name in ('model.ckpt', 'model.ckpt.data-00000-of-00001'):
        assert sorted(read_tensors(tmp_path / name)) == sorted(ours)


def one_line(call, match):
    with pytest.raises(ValueError, match=match) as error:
        call()
    assert '\n' not in str(error.value)


def test_half_bundles(tmp_path, tensors):
    path = write_bundle(tmp_path / 'a.ckpt', tensors)
    data = tmp_path / 'a.ckpt.data-00000-of-00001'
    data.rename(tmp_path / 'gone')
    one_line(lambda: read_tensors(path), 'both files.*got no .*data-00000')
    path.unlink()
    (tmp_path / 'gone').rename(data)
    one_line(lambda: read_tensors(data), 'both files.*got no .*index')


def test_damaged_bundles(tmp_path, tensors):
    for change, text in ((dict(shards=2), 'several shards'),
                         (dict(compression=1), 'compressed')):
        path = write_bundle(tmp_path / 'bad', tensors, **change)
        one_line(lambda path=path: read_bundle(path), text)
    path = write_bundle(tmp_path / 'cut', tensors)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b'!')
    one_line(lambda: read_bundle(path), 'does not end')
    for size in range(0, len(content), 7):
        path.write_bytes(content[size:])
        if size:
            one_line(lambda: read_bundle(path), 'cannot be read')
        path.write_bytes(content[:size])
        one_line(lambda: read_bundle(path), 'cannot be read')
    path.write_bytes(content)
    data = tmp_path / 'cut.data-00000-of-00001'
    data.write_bytes(data.read_bytes()[:-1])
    one_line(lambda: read_bundle(path), 'the numbers are cut short')


def test_flipped_bits(tmp_path, tensors):
    """Whatever a field of the index becomes."""
    path = write_bundle(tmp_path / 'flipped', tensors)
    content, said = path.read_bytes(), []
    for place in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            read_bundle(path)  # sums are not looked at
        except UsageError as error:
            said.append(str(error))
    assert said and not any('\n' in text for text in said)


def test_arrays(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(3.))
    assert read_tensors(tmp_path / 'a.npy')['array'].tolist() == [0, 1, 2]
    np.save(tmp_path / 'b.npy', np.array([object()]), allow_pickle=True)
    np.savez(tmp_path / 'b.npz', a=np.array([object()]))
    (tmp_path / 'c.npz').write_bytes(b'PK\x03\x04')
    for name in ('b.npy', 'b.npz', 'c.npz'):
        one_line(lambda name=name: read_tensors(tmp_path / name),
                 'arrays of numbers')


def test_file_of_another_method(converter, tmp_path):
    """Said by its name."""
    table = converter.MAPPINGS['ifcnn'][0]
    theirs, ours = tmp_path / 'IFCNN-MAX.pth', str(tmp_path / 'ours.pth')
    torch.save(table.revert(table.build().state_dict(), {}), theirs)
    one_line(lambda: converter.convert_file(str(theirs), ours, 'densefuse'),
             "those of 'ifcnn'. Give --method ifcnn")


def test_folders(converter, tmp_path):
    """Of a method of one file: the file in it, if it is the only one."""
    table = converter.MAPPINGS['ifcnn'][0]
    theirs = table.revert(table.build().state_dict(), {})
    folder, ours = tmp_path / 'IFCNN', str(tmp_path / 'ours.pth')
    folder.mkdir()
    one_line(lambda: converter.convert_file(str(folder), ours, 'ifcnn'),
             'got none')
    torch.save(theirs, folder / 'IFCNN-MEAN.pth')
    (folder / 'SOURCE.txt').write_text('')
    converter.convert_file(str(folder), ours, 'ifcnn')
    torch.save(theirs, folder / 'IFCNN-MAX.pth')
    one_line(lambda: converter.convert_file(str(folder), ours, 'ifcnn'),
             'Name one')


def test_several_files(converter, tmp_path, monkeypatch):
    """Joined, written back, and named where one is missing or swapped."""
    from mappings.zoo.table import layer_table
    layers = {'stem.conv': 'one.pth/a'}
    for name in (*(f'dense.{k}' for k in range(3)), *(f'decoder.{k}'
                                                      for k in range(4))):
        layers[f'{name}.conv'] = f'two.pth/{name}'
    table = layer_table('parts', 'DenseFuse', layers,
                        parts=('one.pth', 'two.pth'), container='weight')
    monkeypatch.setitem(converter.MAPPINGS, 'parts', (table, ))
    state = table.build().state_dict()
    ours, theirs, back = (tmp_path / name for name in ('a.pth', 'b', 'c.pth'))
    torch.save(dict(state_dict=state), ours)
    converter.convert_file(str(ours), str(theirs), 'parts', reverse=True)
    assert sorted(p.name for p in theirs.iterdir()) == ['one.pth', 'two.pth']
    assert list(torch.load(theirs / 'one.pth')) == ['weight', 'meta']

    def convert(source):
        return converter.convert_file(str(source), str(back), 'parts')

    found = convert(theirs)['state_dict']
    assert all(torch.equal(found[key], state[key]) for key in state)
    one_line(lambda: convert(theirs / 'one.pth'), 'got the file')
    (theirs / 'one.pth').rename(theirs / 'x')
    one_line(lambda: convert(theirs), 'without one.pth')
    (theirs / 'two.pth').rename(theirs / 'one.pth')
    (theirs / 'x').rename(theirs / 'two.pth')
    one_line(lambda: convert(theirs), 'names are swapped')
