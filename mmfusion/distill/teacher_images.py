"""What ``tools/distill/make_teacher.py`` does."""
import argparse
import hashlib
import inspect
import json
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

import mmfusion
from mmfusion.apis.fused_image import to_uint8
from mmfusion.apis.model_loading import init_model
from mmfusion.apis.pairs import (FailedPair, PairReader, inference_pipeline,
                                 match_folders)
from mmfusion.evaluation import compute
from mmfusion.models.layers import luma
from mmfusion.models.wrappers import inference_config
from mmfusion.models.wrappers.feature_pairs import TensorReader
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.config_file import load_config, require_file
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import finished_file, write_image
from mmfusion.utils.progress import track

from .teacher_manifest import Manifest, check_images, checksum


def make_teacher(args: argparse.Namespace) -> int:
    """Fuse the pairs of two folders by a teacher, with a manifest.

    Images that the manifest knows and that are still there are not made
    again. A shard writes a manifest of its own; the last one to finish joins
    them.

    Args:
        args (argparse.Namespace): Of ``tools/distill/make_teacher.py``.

    Returns:
        int: 0, or 1 if a pair failed, has no partner, or ``--check`` found
        images missing.

    Raises:
        UsageError: If a flag, the config or an older manifest does not fit.
        FileNotFoundError: If a file or folder is missing.
    """
    cfg = _configure(args)
    checkpoint = args.checkpoint and require_file(
        args.checkpoint, 'a checkpoint file', 'Train one with '
        'tools/train.py, or convert one with '
        'tools/model_converters/convert.py.')
    _refuse_random(cfg, checkpoint, args.allow_random)
    pairs, unmatched = match_folders(args.vis, args.ir)
    pairs = pairs[:args.limit]
    shard, shards = args.shard
    own = pairs[shard::shards]
    out = Path(args.out)
    manifest = Manifest(out, _settings(cfg, checkpoint, args), args.shard,
                        args.restart)
    features = feature_folder(out) if args.save_features else None
    todo = [
        pair for pair in own if not manifest.has(
            pair['stem'], features and _feature_file(features, pair['stem']))
    ]
    failures: list[tuple[str, str]] = []
    if todo:
        teacher = Teacher(cfg, checkpoint, args)
        reader = PairReader(todo, inference_pipeline(cfg, native=True))
        try:
            for (index, ), (item, ) in track(reader.batches(1, 0), len(todo)):
                try:
                    if isinstance(item, FailedPair):
                        raise ValueError(item.reason)
                    _make_one(teacher, item, todo[index]['stem'], out,
                              manifest)
                except Exception as error:  # the others must go on
                    failures.append(
                        (todo[index]['stem'], ' '.join(str(error).split())
                         or type(error).__name__))
        finally:
            manifest.save()
    joined = manifest.join([pair['stem'] for pair in pairs])
    print(f'{len(own) - len(failures)} of {len(own)} images in {out}, '
          f'{len(own) - len(todo)} of them from before' +
          (f'; manifest: {joined}' if joined else ''))
    for path in unmatched:
        print(f'no partner: {path}', file=sys.stderr)
    for name, reason in failures:
        print(f'failed: {name}: {reason}', file=sys.stderr)
    missing = check_images(out, own) if args.check else 0
    return int(bool(failures or unmatched or missing))


def image_seed(seed: int, stem: str, sample: int = 0) -> int:
    """Seed of one sample of one image, the same in every shard."""
    text = f'{seed}:{stem}:{sample}'.encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], 'big')


class Teacher:
    """A model, and how its images are made.

    Args:
        cfg (Config): With ``model``.
        checkpoint (str, optional): Weights.
        args (argparse.Namespace): ``device``, ``seed``, ``num_samples``,
            ``reduce``, ``color``, ``save_features``.
    """

    def __init__(self, cfg: Config, checkpoint: str | None,
                 args: argparse.Namespace) -> None:
        place = args.save_features
        self.model = init_model(cfg, checkpoint, args.device, optimize=place
                                is None, fuser_is_enough=True)
        self.seed = args.seed
        self.samples = args.num_samples
        self.reduce = args.reduce
        self.color = args.color
        self.place = place
        self.reader = None
        if self.samples > 1 and not self.model.fuser.takes_seeds:
            raise UsageError(
                f'--num-samples needs a teacher that draws noise, '
                f'{type(self.model.fuser).__name__} gives one image.')
        if place is not None:
            try:
                self.reader = TensorReader(self.model.fuser, [place],
                                           'teacher')
            except ValueError as error:
                raise UsageError(f'--save-features: {error}') from error

    @torch.no_grad()
    def __call__(self, item: dict,
                 stem: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Image (H, W[, 3]) RGB and feature map (C, h, w) of one pair."""
        images, features = zip(
            *(self._sample(item, stem, index)
              for index in range(self.samples)), strict=True)
        if self.reduce == 'best-qabf':
            scores = [self._qabf(image, item) for image in images]
            best = scores.index(max(scores))
            image, feature = images[best], features[best]
        else:
            image = self._reduced(images)
            feature = None if self.reader is None else self._reduced(features)
        if feature is not None:
            feature = feature.to(torch.float16).numpy()
        return to_uint8(image, grey=self.color == 'gray'), feature

    def _reduced(self, samples: Sequence[Tensor]) -> Tensor:
        stacked = torch.stack(tuple(samples))
        return (stacked.median(0).values
                if self.reduce == 'median' else stacked.mean(0))

    def _sample(self, item: dict, stem: str,
                index: int) -> tuple[Tensor, Tensor | None]:
        model = self.model
        data = model.data_preprocessor(pseudo_collate([item]), False)
        inputs, samples = data['inputs'], data['data_samples']
        condition = model.condition(samples)
        if model.fuser.takes_seeds:
            condition['seeds'] = [image_seed(self.seed, stem, index)]
        recording = (self.reader.recording(model.fuser)
                     if self.reader else nullcontext({}))
        with recording as found:
            output = model.fuser(*model.split(inputs), **condition)
        feature = None
        if self.reader is not None:
            feature = _unpadded(
                self.reader.pick(self.place, output, found)[0],
                inputs.shape[-2:], model.fuser)
        if self.color == 'vis-chroma' and output.luma is None:
            y = luma(output.fused)
            _, cbcr = model.fuser.split_colour(inputs[:, :3])
            output = FuserOutput(model.fuser.join_colour(y, cbcr), y)
        sample, = model.add_fused(output, inputs, samples)
        return sample.fused_img.data.float().clamp(0, 1).cpu(), feature

    @staticmethod
    def _qabf(image: Tensor, item: dict) -> float:
        stack = item['inputs'].numpy().astype(np.uint8)
        vis = np.ascontiguousarray(stack[2::-1].transpose(1, 2, 0))
        return compute(to_uint8(image), (stack[3], vis),
                       metrics=['Qabf'])['Qabf']


def _unpadded(feature: Tensor, size: Sequence[int],
              fuser: nn.Module) -> Tensor:
    """The part of a layer's output that the image itself covers."""
    left, right, top, bottom = fuser._padding(*size)
    padded = size[0] + top + bottom, size[1] + left + right
    if tuple(feature.shape[-2:]) != tuple(size):
        rows, columns = (max(1, round(have * want / whole))
                         for have, want, whole in zip(feature.shape[-2:], size,
                                                      padded, strict=True))
        feature = feature[:, :rows, :columns]
    return feature.float().cpu()


def _make_one(teacher: Teacher, item: dict, stem: str, out: Path,
              manifest: Manifest) -> None:
    start = time.perf_counter()
    image, feature = teacher(item, stem)
    path = out / f'{stem}.png'
    write_image(path, image)
    place = None
    if feature is not None:
        place = _feature_file(feature_folder(out), stem)
        with finished_file(place) as draft:
            np.savez(draft, feature=feature)
    manifest.add(stem, path, time.perf_counter() - start, place)


def _feature_file(folder: Path, stem: str) -> Path:
    return folder / f'{stem}.npz'


def feature_folder(out: Path) -> Path:
    """Where the features beside the images of a folder are."""
    return out.with_name(f'{out.name}_features')


def _configure(args: argparse.Namespace) -> Config:
    """The config with the sampler's flags in it."""
    cfg = load_config(args.config, args.cfg_options, scale=args.scale)
    if cfg.get('model') is None:
        raise UsageError(f'{args.config}: expected a model, got none.')
    cfg.model = inference_config(cfg.model)
    fuser = cfg.model.fuser
    known = inspect.signature(MODELS.get(fuser.type).__init__).parameters
    for flag, name, value in (('--steps', 'num_steps', args.steps),
                              ('--tile', 'tile', args.tile
                               and tuple(args.tile)), ('--fp16', 'fp16',
                                                       args.fp16 or None)):
        if value is None:
            continue
        if name not in known:
            raise UsageError(f'{flag} has no meaning for {fuser.type}: '
                             'leave it out.')
        fuser[name] = value
    if args.norm is not None:
        if 'norm' in known:
            fuser.norm = args.norm
        else:
            cfg.model.output_norm = args.norm
    return cfg


def _refuse_random(cfg: Config, checkpoint: str | None, allowed: bool) -> None:
    """Refuse a teacher that would be random."""

    def loads(node: Any) -> bool:
        if isinstance(node, dict):
            return bool(node.get('checkpoint')) or any(
                map(loads, node.values()))
        return isinstance(node, (list, tuple)) and any(map(loads, node))

    if checkpoint or allowed or loads(cfg.model):
        return
    with torch.device('meta'):
        fuser = MODELS.build(cfg.model.fuser)
        weights = any(True for _ in fuser.parameters())
    if weights:
        raise UsageError(
            f'Expected a checkpoint of the teacher {cfg.model.fuser.type}, '
            'got none: its images would be noise. Name one, or give '
            '--allow-random to try the tool.')


def _settings(cfg: Config, checkpoint: str | None,
              args: argparse.Namespace) -> dict[str, Any]:
    """What all images of a run depend on."""
    model = json.dumps(cfg.model.to_dict(), sort_keys=True, default=str)
    return dict(teacher=cfg.model.fuser.type,
                config=Path(str(args.config)).name,
                model_sha256=hashlib.sha256(model.encode()).hexdigest(),
                checkpoint=checkpoint and Path(checkpoint).name,
                checkpoint_sha256=checkpoint and checksum(Path(checkpoint)),
                seed=args.seed, num_samples=args.num_samples,
                reduce=args.reduce if args.num_samples > 1 else None,
                color=args.color, features=args.save_features,
                mmfusion=mmfusion.__version__, torch=torch.__version__)
