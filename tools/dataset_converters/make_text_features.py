"""Encode the captions of a data set into text features.

CAPTIONS is a .json, .csv or .txt file, or a folder of NAME.txt files (see
docs/text_guidance.md). OUT is a folder, which gets NAME.npy (tokens,
channels) of each pair, or one .h5 or .npz file with all of them. Several
captions of a pair are joined along the tokens.

The tool can be stopped at any time: called again, it goes on where it was.
"""
import argparse
import hashlib
import json
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmfusion.apis.text import parse_encoder
from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import report_failures
from mmfusion.fileio import (H5_SUFFIXES, Caption, read_captions,
                             read_text_feature, require_h5py)
from mmfusion.fileio.paths import check_outputs, output_path
from mmfusion.registry import TEXT_ENCODERS
from mmfusion.utils.claims import claimed
from mmfusion.utils.disk import check_room
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import finished_file, read_record, write_text
from mmfusion.utils.progress import track

META = 'meta.json'


def digest(caption: Caption) -> str:
    """Tells whether a stored feature is that of today's caption."""
    return hashlib.sha256('\0'.join(caption).encode()).hexdigest()[:16]


def plan(folder: Path, captions: dict[str, Caption], description: dict,
         overwrite: bool) -> list[str]:
    """Stems that are still to be encoded; what is outdated goes.

    Raises:
        ValueError: If the folder holds features of another encoder, or some
            that this tool has not written.
    """
    for draft in folder.rglob('.*.part.npy'):
        draft.unlink()
    record = read_record(folder / META) or {}
    known = record.get('captions')
    known = known if isinstance(known, dict) else {}
    if not overwrite and not record and any(folder.rglob('*.npy')):
        raise ValueError(
            f'{folder}: expected a new folder or one of this tool, got .npy '
            f'files without a sound {META}. Name another, or add '
            '--overwrite.')
    if not overwrite and record.get('encoder', description) != description:
        raise ValueError(
            f'{folder}: expected features of {description}, got those of '
            f'{record["encoder"]}. Name another output, or add --overwrite.')
    paths = {
        stem: output_path(folder, stem, '.npy', str(folder / META))
        for stem in {
            **known,
            **captions
        }
    }
    check_outputs(
        ((paths[stem], ()) for stem in captions if stem not in known),
        overwrite=overwrite)
    wanted = {stem: digest(caption) for stem, caption in captions.items()}
    for stem, value in known.items():
        if overwrite or wanted.get(stem, value) != value:
            paths[stem].unlink(missing_ok=True)
    todo = [
        stem for stem in wanted
        if stem not in known or not paths[stem].is_file()
    ]
    known = {**({} if overwrite else known), **wanted}
    write_text(folder / META,
               json.dumps(dict(encoder=description, captions=known), indent=1))
    return todo


def encode(encoder, captions: dict[str, Caption], stems: list[str],
           folder: Path, batch_size: int) -> Iterator[tuple]:
    """Encode batch by batch and write NAME.npy.

    Yields:
        tuple[str, None, str | None]: Stem, None, and what went wrong.
    """
    for first in range(0, len(stems), batch_size):
        batch = stems[first:first + batch_size]
        try:
            features = encoder.features([captions[stem] for stem in batch])
        except ValueError as error:
            if len(batch) == 1:
                yield batch[0], None, f'{batch[0]}: {error}'
            else:  # one of them is bad, the others are not
                yield from encode(encoder, captions, batch, folder, 1)
            continue
        for stem, feature in zip(batch, features, strict=True):
            array = feature.numpy()
            with finished_file(output_path(folder, stem, '.npy'),
                               array.nbytes) as draft:
                np.save(draft, array)
            yield stem, None, None


def gather(folder: Path, stems: list[str], out: Path,
           description: dict) -> None:
    """Bring the features of a folder into one file."""
    paths = {stem: str(output_path(folder, stem, '.npy')) for stem in stems}
    if out.suffix.lower() in H5_SUFFIXES:
        h5py = require_h5py()
        with finished_file(out) as draft, h5py.File(draft, 'w') as file:
            file.attrs['encoder'] = json.dumps(description)
            group = file.create_group('text')
            for stem, path in paths.items():
                feature = read_text_feature(path)
                check_room(draft, feature.nbytes)
                group[stem] = feature
    else:
        arrays = {
            stem: read_text_feature(path) for stem, path in paths.items()
        }
        with finished_file(out) as draft:
            np.savez(draft, **arrays)


def make(captions: str, out: str, encoder: str, max_length: int | None = None,
         batch_size: int = 16, device: str = 'cpu',
         overwrite: bool = False) -> int:
    """Encode a data set's captions.

    Returns:
        int: 0, or 1 if a caption failed; the others are done.

    Raises:
        FileNotFoundError: If captions or encoder are missing.
        ValueError: If they do not fit, or ``out`` is there already.
        ImportError: If a package is missing.
    """
    texts = read_captions(captions)
    target = Path(out)
    check_outputs([(target, (captions, ))], (captions, ))
    single = target.suffix.lower() in (*H5_SUFFIXES, '.npz')
    folder = target.with_name(f'{target.name}.parts') if single else target
    if single and target.suffix.lower() != '.npz':
        require_h5py()
    if (single and target.exists() and not overwrite and not folder.is_dir()):
        raise ValueError(f'{target} is there already: name another output, '
                         'or add --overwrite.')
    model = TEXT_ENCODERS.build(
        dict(parse_encoder(encoder), max_length=max_length, cache_size=0,
             batch_size=batch_size)).to(device)
    description = model.describe()
    with claimed(folder):
        todo = plan(folder, texts, description, overwrite)
        if len(todo) < len(texts):
            print(f'{len(texts) - len(todo)} of {len(texts)} are done already',
                  file=sys.stderr)
        with warnings.catch_warnings():
            warnings.simplefilter('always')
            outcomes = list(
                track(encode(model, texts, todo, folder, batch_size),
                      len(todo)))
        failed = {stem for stem, _, error in outcomes if error is not None}
        done = [stem for stem in texts if stem not in failed]
        if single and done:
            gather(folder, done, target, description)
            if not failed:
                shutil.rmtree(folder)
    print(f'{target}: features of {len(done)} pairs, '
          f'{model.out_channels} channels')
    return report_failures(outcomes, 'caption')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('captions', help='captions file or folder')
    parser.add_argument('out', help='output folder, or .h5 or .npz file')
    parser.add_argument(
        '--encoder', required=True, metavar='TYPE=DIR|hash',
        help='blip2, bert, clip or t5, and the local folder of its files')
    parser.add_argument(
        '--max-length', type=int,
        help='most tokens of one caption (default: what the encoder takes)')
    parser.add_argument('--batch-size', type=int, default=16,
                        help='captions at once (default: %(default)s)')
    parser.add_argument('--device', default='cpu',
                        help='cpu, cuda, ... (default: cpu)')
    parser.add_argument('--overwrite', action='store_true', help='start anew')
    args = parser.parse_args(argv)
    try:
        return make(**vars(args))
    except (UsageError, ValueError, OSError, ImportError) as error:
        parser.error(str(error))


if __name__ == '__main__':
    sys.exit(run(main))
