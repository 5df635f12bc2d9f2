"""Images of a teacher, for a student to learn from."""
import hashlib
import inspect
import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
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
from mmfusion.apis.pairs import (Pair, PairReader, inference_pipeline,
                                 match_folders)
from mmfusion.evaluation import compute
from mmfusion.fileio import to_bytes
from mmfusion.fileio.paths import check_outputs, output_path, sample_files
from mmfusion.models.layers import luma
from mmfusion.models.wrappers import inference_config
from mmfusion.models.wrappers.feature_pairs import TensorReader
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.config_file import PathLike, copy_config, require_file
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import finished_file, write_image
from mmfusion.utils.loading_steps import stated_loading
from mmfusion.utils.progress import announce, track

from .teacher_manifest import Manifest, check_images, checksum, manifests


@dataclass(frozen=True)
class TeacherOptions:
    """How a teacher makes its images.

    Args:
        device (str): Where it runs.
        seed (int): Each image draws from this and its name.
        steps (int, optional): Sampling steps of a diffusion teacher.
        fp16 (bool): Its denoiser in half precision.
        tile (tuple[int, int], optional): Side and overlap of the tiles that
            it denoises, pixels.
        num_samples (int): Samples that are made into one image.
        reduce (str): How: ``'mean'``, ``'median'`` or ``'best-qabf'``.
        color (str): Colour of the teacher's image (``'teacher'``), of the
            visible image (``'vis-chroma'``) or none (``'gray'``).
        norm (str, optional): ``'minmax'`` stretches each image, ``'clamp'``
            keeps brightness; None for what the config says.
        save_features (str, optional): Tensor that is kept beside, such as
            ``'aux.content'``.
        allow_random (bool): Whether a network without weights will do.
        shard (tuple[int, int]): Index and number of shards: every
            ``shard[1]``-th image is made, from ``shard[0]`` on.
        limit (int, optional): Take the first pairs alone.
        restart (bool): Whether to make all images anew.
        check (bool): Whether to print statistics and name odd images.
        overwrite (bool): Whether to replace images that a teacher has not
            made, as ``restart`` does. Sources are never replaced.
    """
    device: str = 'cpu'
    seed: int = 3407
    steps: int | None = None
    fp16: bool = False
    tile: Sequence[int] | None = None
    num_samples: int = 1
    reduce: str = 'mean'
    color: str = 'teacher'
    norm: str | None = None
    save_features: str | None = None
    allow_random: bool = False
    shard: tuple[int, int] = (0, 1)
    limit: int | None = None
    restart: bool = False
    check: bool = False
    overwrite: bool = False


def make_teacher(cfg: PathLike | Config, checkpoint: PathLike | None,
                 vis: PathLike, ir: PathLike, out: PathLike,
                 options: TeacherOptions | None = None) -> int:
    """Fuse the pairs of two folders by a teacher, with a manifest.

    Images that the manifest knows and that are still there are not made
    again. A shard writes a manifest of its own; the last one to finish joins
    them.

    Args:
        cfg (str | PathLike | Config): With the teacher as its model.
        checkpoint (str | PathLike, optional): Its weights.
        vis (str | PathLike): Folder of visible images.
        ir (str | PathLike): Folder of infrared images.
        out (str | PathLike): Where the images go.
        options (TeacherOptions, optional): How they are made.

    Returns:
        int: 0, or 1 if a pair failed, has no partner, or the check found
        images missing.

    Raises:
        UsageError: If an option, the config or an older manifest does not
            fit, or images would be written over.
        FileNotFoundError: If a file or folder is missing.
    """
    options = options or TeacherOptions()
    shard = options.shard
    cfg = _configure(copy_config(cfg), options)
    checkpoint = checkpoint and require_file(
        checkpoint, 'a checkpoint file', 'Train one with '
        'tools/train.py, or convert one with '
        'tools/model_converters/convert.py.')
    _refuse_random(cfg, checkpoint, options.allow_random)
    pairs, unmatched = match_folders(vis, ir)
    pairs = pairs[:options.limit]
    own = pairs[shard[0]::shard[1]]
    out = Path(out)
    check_outputs([(out, ()),
                   (feature_folder(out),
                    ()), *((output_path(out, pair['stem']), sample_files(pair))
                           for pair in pairs)], (vis, ir), options.overwrite
                  or options.restart or bool(manifests(out)))
    manifest = Manifest(out, _settings(cfg, checkpoint, options), shard,
                        options.restart)
    features = feature_folder(out) if options.save_features else None
    todo = [
        pair for pair in own if not manifest.has(
            pair['stem'], features and _feature_file(features, pair['stem']))
    ]
    failures: list[tuple[str, str]] = []
    if todo:
        teacher = Teacher(cfg, checkpoint, options)
        reader = PairReader(todo, inference_pipeline(cfg, native=True))

        def run(batch: list[Pair]) -> list[None]:
            return [_make_one(teacher, pair, out, manifest) for pair in batch]

        try:
            failures += [
                pair.failure for pair in track(reader.run(run), len(todo))
                if pair.failure
            ]
        finally:
            manifest.save()
    joined = manifest.join([pair['stem'] for pair in pairs])
    print(f'{len(own) - len(failures)} of {len(own)} images in {out}, '
          f'{len(own) - len(todo)} of them from before' +
          (f'; manifest: {joined}' if joined else ''))
    announce(unmatched, 'no partner')
    announce(map(': '.join, failures), 'failed')
    missing = check_images(out, own) if options.check else 0
    return int(bool(failures or unmatched or missing))


def image_seed(seed: int, stem: str, sample: int = 0) -> int:
    """Seed of one sample of one image, the same in every shard."""
    text = f'{seed}:{stem}:{sample}'.encode('utf-8', 'surrogateescape')
    return int.from_bytes(hashlib.sha256(text).digest()[:7], 'big')


class Teacher:
    """A model, and how its images are made.

    Args:
        cfg (Config): With ``model``.
        checkpoint (str, optional): Weights.
        options (TeacherOptions): How its images are made.
    """

    def __init__(self, cfg: Config, checkpoint: str | None,
                 options: TeacherOptions) -> None:
        place = options.save_features
        self.model = init_model(cfg, checkpoint, options.device, optimize=place
                                is None, fuser_is_enough=True)
        self.options = options
        self.reader = None
        if self.options.num_samples > 1 and not self.model.fuser.takes_seeds:
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
              for index in range(self.options.num_samples)), strict=True)
        if self.options.reduce == 'best-qabf':
            scores = [self._qabf(image, item) for image in images]
            best = scores.index(max(scores))
            image, feature = images[best], features[best]
        else:
            image = self._reduced(images)
            feature = None if self.reader is None else self._reduced(features)
        if feature is not None:
            feature = feature.to(torch.float16).numpy()
        return to_uint8(image, grey=self.options.color == 'gray'), feature

    def _reduced(self, samples: Sequence[Tensor]) -> Tensor:
        stacked = torch.stack(tuple(samples))
        return (stacked.median(0).values
                if self.options.reduce == 'median' else stacked.mean(0))

    def _sample(self, item: dict, stem: str,
                index: int) -> tuple[Tensor, Tensor | None]:
        model = self.model
        data = model.data_preprocessor(pseudo_collate([item]), False)
        inputs, samples = data['inputs'], data['data_samples']
        condition = model.condition(samples)
        if model.fuser.takes_seeds:
            condition['seeds'] = [image_seed(self.options.seed, stem, index)]
        recording = (self.reader.recording(model.fuser)
                     if self.reader else nullcontext({}))
        with recording as found:
            output = model.fuser(*model.split(inputs), **condition)
        feature = None
        if self.reader is not None:
            feature = _unpadded(
                self.reader.pick(self.options.save_features, output, found)[0],
                inputs.shape[-2:], model.fuser)
        if self.options.color == 'vis-chroma' and output.luma is None:
            y = luma(output.fused)
            _, cbcr = model.fuser.split_colour(inputs[:, :3])
            output = FuserOutput(model.fuser.join_colour(y, cbcr), y)
        sample, = model.add_fused(output, inputs, samples)
        return sample.fused_img.data.float().clamp(0, 1).cpu(), feature

    @staticmethod
    def _qabf(image: Tensor, item: dict) -> float:
        stack = to_bytes(item['inputs'].numpy())
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


def _make_one(teacher: Teacher, pair: Pair, out: Path,
              manifest: Manifest) -> None:
    start = time.perf_counter()
    image, feature = teacher(pair.item, pair.name)
    path = output_path(out, pair.name)
    write_image(path, image)
    place = None
    if feature is not None:
        place = _feature_file(feature_folder(out), pair.name)
        with finished_file(place, feature.nbytes) as draft:
            np.savez(draft, feature=feature)
    manifest.add(pair.name, path, time.perf_counter() - start, place)


def _feature_file(folder: Path, stem: str) -> Path:
    return output_path(folder, stem, '.npz')


def feature_folder(out: Path) -> Path:
    """Where the features beside the images of a folder are."""
    return out.with_name(f'{out.name}_features')


def _configure(cfg: Config, options: TeacherOptions) -> Config:
    """The config with the sampler's options in it."""
    if cfg.get('model') is None:
        raise UsageError(f'{cfg.filename}: expected a model, got none.')
    cfg.model = inference_config(cfg.model)
    fuser = cfg.model.fuser
    known = inspect.signature(MODELS.get(fuser.type).__init__).parameters
    for flag, name, value in (('--steps', 'num_steps',
                               options.steps), ('--tile', 'tile', options.tile
                                                and tuple(options.tile)),
                              ('--fp16', 'fp16', options.fp16 or None)):
        if value is None:
            continue
        if name not in known:
            raise UsageError(f'{flag} has no meaning for {fuser.type}: '
                             'leave it out.')
        fuser[name] = value
    if options.norm is not None:
        if 'norm' in known:
            fuser.norm = options.norm
        else:
            cfg.model.output_norm = options.norm
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
              options: TeacherOptions) -> dict[str, Any]:
    """What all images of a run depend on."""
    model = json.dumps(cfg.model.to_dict(), sort_keys=True, default=str)
    return dict(teacher=cfg.model.fuser.type, config=cfg.filename
                and Path(cfg.filename).name,
                model_sha256=hashlib.sha256(model.encode()).hexdigest(),
                checkpoint=checkpoint and Path(checkpoint).name,
                checkpoint_sha256=checkpoint and checksum(Path(checkpoint)),
                seed=options.seed, num_samples=options.num_samples,
                reduce=options.reduce if options.num_samples > 1 else None,
                color=options.color, features=options.save_features,
                **stated_loading(inference_pipeline(cfg)),
                mmfusion=mmfusion.__version__, torch=torch.__version__)
