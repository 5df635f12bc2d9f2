"""Bring pairs and text features of the VLF layout into one HDF5 file.

pack: ROOT holds
  Image/TASK/DATASET/{train,test}.txt             one image name a line
  Image/TASK/DATASET/{FOLDER_A,FOLDER_B}/NAME.png
  TextFeature/TASK/DATASET/NAME.npy
with the folders IR and VI (IVF), MRI and T (MIF), OVER and UNDER (MEF),
NEAR and FAR (MFF). OUT gets the groups imageA, imageB (1, H, W; grey,
float32 in [0, 1]) and text (as stored). Colour becomes grey in floating
point, rounded to whole numbers, as FILM's data preparation does.

unpack: the way back, to grey 8-bit images.
"""
import argparse
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmfusion.cli.flags import add_loading, add_overwrite, one_of
from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import (report_failures, write_lines,
                                          write_png)
from mmfusion.fileio import (PairReading, as_text_feature, check_same_names,
                             h5_shapes, natural_key, read_array, read_h5,
                             read_image, read_lines, require_h5py)
from mmfusion.fileio.paths import check_outputs, name_below, output_path
from mmfusion.utils.disk import check_room
from mmfusion.utils.files import finished_file, is_ours
from mmfusion.utils.progress import track

#: Folders of image A and image B.
FOLDERS = dict(IVF=('IR', 'VI'), MIF=('MRI', 'T'), MEF=('OVER', 'UNDER'),
               MFF=('NEAR', 'FAR'))
GROUPS = ('imageA', 'imageB', 'text')
#: Height and width of the small size.
SMALL = (288, 384)


def to_grey(image: np.ndarray) -> np.ndarray:
    """Grey values as FILM's data preparation computes them.

    Args:
        image (np.ndarray): BGR, (H, W, 3), or grey, (H, W); 0..255.

    Returns:
        np.ndarray: (H, W) float32, whole numbers in 0..255. The 8-bit
        conversion of OpenCV differs by 1 in some pixels.
    """
    image = image.astype(np.float32)
    return np.rint(image if image.ndim ==
                   2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def to_small(grey: np.ndarray, portrait: bool) -> np.ndarray:
    """Resize to 288 x 384; portraits are resized upright, then transposed.

    Args:
        grey (np.ndarray): (H, W) float32.
        portrait (bool): Whether image A is higher than wide, or square.

    Returns:
        np.ndarray: (288, 384) float32.
    """
    height, width = SMALL
    if portrait:
        return cv2.resize(grey, (height, width)).T
    return cv2.resize(grey, (width, height))


class Layout:
    """Where a split of the VLF data set lies.

    Args:
        root (Path): ``VLFDataset``; the level ``Image`` may be missing.
        task (str): Key of ``FOLDERS``.
        dataset (str): For instance ``MSRS``.
        loading: How pairs are read, see :class:`PairReading`; images are
            called ``ir``, ``vis``, ``mri``, ...
    """

    def __init__(self, root: Path, task: str, dataset: str, **loading) -> None:
        self.reading = PairReading(**loading)
        images = root / 'Image' / task / dataset
        bare = root / task / dataset
        self.images = (bare
                       if bare.is_dir() and not images.is_dir() else images)
        self.folders = [self.images / name for name in FOLDERS[task]]
        self.text = root / 'TextFeature' / task / dataset

    def files(self, name: str, record: str) -> tuple[Path, Path, Path]:
        """Image A, image B and the text of a pair.

        Raises:
            UsageError: If the name leads out of the folders; names the
                record.
        """
        first, second = (output_path(folder, name, '.png', record)
                         for folder in self.folders)
        return first, second, output_path(self.text, name, '.npy', record)

    def read(self, name: str) -> tuple:
        """Image A, image B (BGR) and the text array of a pair.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If one is damaged; names it.
        """
        images = {}
        files = {
            dict(VI='vis').get(folder.name, folder.name.lower()):
            str(folder / f'{name}.png') for folder in self.folders
        }
        for key, file in files.items():
            images.update(self.reading.read({key: file}, {key: None}))
        if self.reading.on_size_mismatch != 'error':
            images = self.reading.same_size(images, files)
        path = self.text / f'{name}.npy'
        if not path.is_file():
            raise FileNotFoundError(
                f'expected a text feature at {path}, but there is none')
        text = read_array(path)
        as_text_feature(text, str(path))
        return *images.values(), text


def convert(layout: Layout, name: str, small: bool) -> tuple:
    """The three arrays of a pair.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged, or native sizes differ.
    """
    a, b, text = layout.read(name)
    if not small and a.shape[:2] != b.shape[:2]:
        sizes = ' and '.join(
            f'{image.shape[0]}x{image.shape[1]} in {folder.name}'
            for image, folder in zip((a, b), layout.folders, strict=True))
        raise ValueError(f'{name}: expected a pair of one size, got {sizes}')
    portrait = a.shape[0] >= a.shape[1]
    greys = [to_grey(image) for image in (a, b)]
    if small:
        greys = [to_small(grey, portrait) for grey in greys]
    return *((grey / np.float32(255))[None] for grey in greys), text


def pack(root: str, out: str, task: str, dataset: str, split: str, size: str,
         **loading) -> int:
    """Write the HDF5 file of a split.

    Returns:
        int: 0, or 1 if pairs failed; the file has the others.

    Raises:
        FileNotFoundError: If the list or all pairs are missing.
        ValueError: If the list is empty.
        ImportError: If h5py is not installed.
    """
    h5py = require_h5py()
    layout = Layout(
        Path(root), task, dataset, **{
            key: value for key, value in loading.items() if value is not None
        })
    listed = layout.images / f'{split}.txt'
    if not listed.is_file():
        raise FileNotFoundError(f'expected a list of images at {listed}, '
                                'but there is none')
    # a name ends at the first dot of its file's name
    names = list(
        dict.fromkeys(
            name_below('', f'{folder}{slash}{name.split(".")[0]}', str(listed))
            for folder, slash, name in (line.rpartition('/')
                                        for line in read_lines(listed))))
    if not names:
        raise ValueError(f'{listed}: expected one image name a line, got an '
                         'empty file')
    check_outputs([(out, [
        listed,
        *(file for name in names for file in layout.files(name, str(listed)))
    ])])
    small = size == 'small' and split == 'train' and task != 'MIF'
    if size == 'small' and not small:
        print('note: test sets and MIF keep their native size',
              file=sys.stderr)
    outcomes = []
    with finished_file(out) as draft:
        with h5py.File(draft, 'w') as file:
            groups = [file.create_group(group) for group in GROUPS]
            for name in track(names, len(names)):
                try:
                    arrays = convert(layout, name, small)
                except (ValueError, OSError) as error:
                    outcomes.append((name, None, str(error)))
                    continue
                check_room(draft, sum(array.nbytes for array in arrays))
                for group, array in zip(groups, arrays, strict=True):
                    group[name] = array
                outcomes.append((name, None, None))
        done = sum(error is None for _, _, error in outcomes)
        if not done:
            raise FileNotFoundError(
                f'none of the {len(names)} pairs can be read, e.g. '
                f'{outcomes[0][2]}')
    print(f'{out}: {done} pairs')
    return report_failures(outcomes, 'pair')


def unpack(file: str, root: str, task: str, dataset: str, split: str,
           overwrite: bool = False) -> int:
    """Write the VLF layout of an HDF5 file.

    Returns:
        int: 0, or 1 if pairs failed; the others are written.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it lacks a group, names differ between groups or
            lead out of ``root``, or files would be written over that this
            tool has not written.
        ImportError: If h5py is not installed.
    """
    shapes = {group: h5_shapes(file, group) for group in GROUPS}
    lacking = [group for group, found in shapes.items() if not found]
    if lacking:
        raise ValueError(f'{file}: expected the groups {list(GROUPS)}, got '
                         f'none or empty ones for {lacking}')
    check_same_names(file, shapes)
    layout = Layout(Path(root), task, dataset)
    outcomes = []
    names = sorted(shapes['text'], key=natural_key)
    made = {name: layout.files(name, f'{file}, text') for name in names}
    check_outputs(
        ((path, (file, )) for paths in made.values() for path in paths),
        overwrite=overwrite, ours=partial(_is_ours, {
            text: image for image, _, text in made.values()
        }))
    for name in track(names, len(names)):
        try:
            _unpack_one(file, name, layout)
            outcomes.append((name, None, None))
        except (ValueError, OSError) as error:
            outcomes.append((name, None, str(error)))
    done = [name for name, _, error in outcomes if error is None]
    write_lines(layout.images / f'{split}.txt',
                [f'{name}.png' for name in done])
    print(f'{layout.images}: {len(done)} pairs')
    return report_failures(outcomes, 'pair')


def _unpack_one(file: str, name: str, layout: Layout) -> None:
    text = read_h5(f'{file}:text/{name}')
    as_text_feature(text, f'{file}:text/{name}')
    images = [read_image(f'{file}:{group}/{name}') for group in GROUPS[:2]]
    *places, text_place = layout.files(name, file)
    for place, image in zip(places, images, strict=True):
        if image.dtype != np.uint8:
            image = np.rint(image * 255).astype(np.uint8)
        write_png(place, image)
    with finished_file(text_place, text.nbytes) as draft:
        np.save(draft, text)


def _is_ours(images: dict[Path, Path], path: Path) -> bool:
    """A text is, where the image of its pair is."""
    return is_ours(images.get(path, path))


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    packer = commands.add_parser('pack', help='VLF layout to HDF5')
    packer.add_argument('root', help='folder of the VLF data set')
    packer.add_argument('out', help='HDF5 file to be written')
    packer.add_argument(
        '--size', **one_of(('native', 'small')), default='native',
        help='small: 288 x 384, training sets only; portrait and square '
        'images are transposed (default: %(default)s)')
    add_loading(packer)
    unpacker = commands.add_parser('unpack', help='HDF5 to VLF layout')
    unpacker.add_argument('file', help='HDF5 file')
    unpacker.add_argument('root', help='folder to be written')
    add_overwrite(unpacker)
    for command in (packer, unpacker):
        command.add_argument('--task', **one_of(FOLDERS), default='IVF',
                             help='default: %(default)s')
        command.add_argument('--dataset', required=True,
                             help='name of its folder, such as MSRS')
        command.add_argument('--split', **one_of(('train', 'test')),
                             default='train', help='default: %(default)s')
    args = vars(parser.parse_args(argv))
    command = dict(pack=pack, unpack=unpack)[args.pop('command')]
    try:
        return command(**args)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


if __name__ == '__main__':
    sys.exit(run(main))
