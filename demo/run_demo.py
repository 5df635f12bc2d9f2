"""The whole of mmfusion in a few minutes on a CPU; called by `make demo`.

Fuses some scenes with the weights in the box and shows them. Then it makes
more scenes (or takes real ones), pretrains a fuser, trains it jointly with
SegFormer-B0, fuses, scores, and writes one HTML page. With --full, SegFormer
is trained in four ways, which are compared. Every step is one command of the
project's tools, which is printed. Steps that are done are skipped when the
demo is started again.
"""
import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from page import RUNS, write_first_look, write_page
from steps import ROOT, Step, run_steps

from mmfusion.cli import legacy
from mmfusion.utils.claims import claimed

#: length of the joint training -> its last checkpoint
STAGE1, STAGE2 = 'iter_120.pth', dict(short='iter_240.pth',
                                      full='iter_420.pth')
#: four small networks run faster on one thread each than after each other
SIDE_BY_SIDE = dict(short=1, full=2)
WEIGHTS = 'mmfusion/weights/default.safetensors'


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/demo'),
                        help='folder of data, logs, checkpoints and the page')
    parser.add_argument(
        '--data', default='auto',
        help='auto: real pairs where MMFUSION_DATA has seg_msrs9, else '
        'synthetic; synthetic; or a folder with {train,val}/{vi,ir,label} '
        'and labels of the nine MFNet classes')
    parser.add_argument(
        '--full', action='store_true',
        help='also train SegFormer-B0 on one modality alone and behind the '
        'frozen fuser, all longer, and compare')
    parser.add_argument('--seed', type=int, default=0, help='random seed')
    parser.add_argument('--fresh', action='store_true',
                        help='forget what earlier runs have done')
    return parser.parse_args(argv)


def find_data(choice: str) -> Path:
    """Folder of real pairs, or None for synthetic ones.

    Raises:
        FileNotFoundError: If a folder is named that lacks the splits.
    """
    real = os.environ.get('MMFUSION_DATA')
    if choice == 'auto':
        folder = Path(real) / 'seg_msrs9' if real else None
        return folder if folder and folder.is_dir() else None
    if choice == 'synthetic':
        return None
    folder = Path(choice).resolve()
    for split in ('train', 'val'):
        if not (folder / split).is_dir():
            raise FileNotFoundError(
                f'Expected --data auto, synthetic or a folder with train and '
                f'val, got {choice!r} without {split!r}.')
    return folder


def data_steps(real: Path, data: Path, seed: int) -> list[Step]:
    """Commands that make ``data``/{train,val}/{vis,ir,label}."""
    converters = 'tools/dataset_converters'
    if real is None:
        return [
            Step('data', 'Make 240 synthetic pairs by day and night',
                 (f'{converters}/make_synthetic_rgbt.py', '--out', data,
                  '--size', '240', '320', '--train', '200', '--val', '40',
                  '--seed', str(seed)), [data / 'train', data / 'val'])
        ]
    return [
        Step(f'data_{split}', f'Link the real pairs: {split}',
             (f'{converters}/plain_pairs.py', real / split, data / split),
             [data / split / 'vis']) for split in ('train', 'val')
    ]


def first_steps(folder: Path) -> list[Step]:
    """Commands of the first look: scenes, and the weights in the box."""
    data, out = folder / 'first' / 'data', folder / 'first' / 'fused'
    pairs = data / 'val'
    return [
        Step('first_data', 'Make six synthetic pairs',
             ('tools/dataset_converters/make_synthetic_rgbt.py', '--out', data,
              '--train', '1', '--val', '6'), [pairs]),
        Step('first_fuse', 'Fuse them with the weights in the box',
             ('tools/test_fusion.py', 'configs/fusers/default.py', WEIGHTS,
              '--vis', pairs / 'vis', '--ir', pairs / 'ir', '--out-dir', out),
             [out], ['first_data'])
    ]


def config_of(run: str) -> str:
    """The form of one of the runs."""
    return f'configs/demo/demo_{"stage1" if run == "stage1" else "joint"}.py'


def options_of(run: str, seed: int = 0,
               length: str = 'full') -> tuple[str, ...]:
    """What is chosen in the form, as ``--cfg-options``."""
    options = [f'randomness.seed={seed}'] if seed else []
    if run not in ('stage1', 'joint'):
        options.insert(0, f'variant={run}')
    if run != 'stage1' and length != 'full':
        options.insert(0, f'length={length}')
    return ('--cfg-options', *options) if options else ()


def all_steps(folder: Path, real: Path, seed: int,
              length: str = 'full') -> list[Step]:
    """Every command after the first look, in order."""
    data = folder / 'data'
    steps = data_steps(real, data, seed)
    made = [step.name for step in steps]
    checkpoints = dict(stage1=folder / 'stage1' / STAGE1)

    def train(run: str, title: str, after: list[str]) -> Step:
        return Step(f'train_{run}', title,
                    ('tools/train.py', config_of(run), '--work-dir',
                     folder / run, *options_of(run, seed, length)),
                    [checkpoints[run]], after)

    steps.append(train('stage1', 'Stage 1: pretrain the fuser', made))
    # The longest first, so that what runs side by side ends together.
    runs = runs_of(length)
    for run in sorted(runs, key=['joint', *RUNS].index):
        checkpoints[run] = folder / run / STAGE2[length]
        needs = made if run in ('visible', 'infrared') else ['train_stage1']
        steps.append(train(run, f'Train SegFormer-B0 on: {RUNS[run]}', needs))
    # Fused images of stage 1 and of the joint training.
    for run in ('stage1', 'joint'):
        steps.append(
            Step(f'fuse_{run}', f'Fuse the validation pairs ({run})',
                 ('tools/test_fusion.py', config_of(run), checkpoints[run],
                  '--out-dir', folder / run / 'fused'),
                 [folder / run / 'fused'], [f'train_{run}']))
    for run, title in runs.items():
        steps.append(
            Step(f'score_{run}', f'Score: {title}',
                 ('tools/test.py', config_of(run), checkpoints[run], '--eval',
                  'mIoU', '--work-dir', folder / run / 'score', '--out',
                  folder / run / 'labels', *options_of(run, 0, length)),
                 [folder / run / 'labels'], [f'train_{run}']))
    return steps


def runs_of(length: str) -> dict[str, str]:
    """The trainings of SegFormer, and what they see."""
    return RUNS if length == 'full' else dict(joint=RUNS['joint'])


def make(args: argparse.Namespace, real: Path) -> Path:
    """All steps and the page."""
    if args.fresh and (args.work_dir / 'steps.json').is_file():
        # Only what the demo itself has made.
        shutil.rmtree(args.work_dir)
    environment = {}
    if args.work_dir != Path('work_dirs/demo'):
        environment['MMFUSION_DEMO'] = str(args.work_dir)
    length = 'full' if args.full else 'short'
    run_steps(first_steps(args.work_dir), args.work_dir, environment)
    print(
        f'A first look, with the weights in the box: open '
        f'{write_first_look(args.work_dir)}', flush=True)
    steps = all_steps(args.work_dir, real, args.seed, length)
    records = run_steps(steps, args.work_dir, environment,
                        SIDE_BY_SIDE[length])
    return write_page(args.work_dir, steps, records,
                      'real' if real else 'synthetic', runs_of(length))


def main(argv=None) -> int:
    args = parse_args(argv)
    started = time.monotonic()
    os.chdir(ROOT)
    try:
        real = find_data(args.data)
        with claimed(args.work_dir.parent, f'{args.work_dir.name}.lock'):
            page = make(args, real)
    except (RuntimeError, FileNotFoundError) as error:
        print(f'\n{error}', file=sys.stderr)
        return 1
    print(f'Finished after {(time.monotonic() - started) / 60:.1f} minutes. '
          f'Open {page}')
    return 0


if __name__ == '__main__':
    sys.exit(legacy.run(main))
