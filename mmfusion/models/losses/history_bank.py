"""One remembered image for each training sample."""
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils.errors import check_choice
from mmfusion.utils.files import finished_array

_DTYPES = dict(uint8=torch.uint8, float16=torch.float16, float32=torch.float32)


@MODELS.register_module()
class HistoryBank(nn.Module):
    """Images by sample index, in main memory or in a memory-mapped file.

    Takes ``samples * H * W * bytes`` of memory: 16,000 patches of 128x128
    are 0.52 GB in float16, half of it in uint8.

    Under DDP every process holds the same bank: what one stores is sent to
    all. With ``memmap_dir`` the processes of one machine share one file and
    send indices alone.

    Args:
        dtype (str): ``'float16'`` (default; exact to 5e-4 below 1),
            ``'uint8'`` (256 levels over ``value_range``, others are
            clipped) or ``'float32'``.
        value_range (tuple[float, float]): Lowest and highest value of
            ``'uint8'``; the step is a 255th of it.
        memmap_dir (str, optional): Folder for the images; needs
            :meth:`allocate` (``HistoryBankHook`` calls it). A new training
            starts it anew. Its space is reserved before the first image is
            stored: a full disk ends the training with one line.
        save_state (bool): Whether checkpoints hold the bank, so that a
            resumed training goes on as if it had not stopped. Without it a
            resumed training fills an empty bank first. Defaults to False.

    Raises:
        ValueError: On an unknown dtype or an empty range.
    """

    def __init__(self, dtype: str = 'float16',
                 value_range: tuple[float, float] = (-0.25, 1.25),
                 memmap_dir: str | None = None,
                 save_state: bool = False) -> None:
        super().__init__()
        check_choice(_DTYPES, dtype=dtype)
        if not value_range[0] < value_range[1]:
            raise ValueError('Expected a value_range (low, high) with low < '
                             f'high, got {tuple(value_range)}.')
        self.dtype = _DTYPES[dtype]
        self.value_range = tuple(value_range)
        self.memmap_dir = memmap_dir
        self.save_state = save_state
        self._samples: int | None = None
        self.clear()

    def clear(self) -> None:
        """Forget all images."""
        self.images: Tensor | None = None  # (N, 1, H, W)
        self.stored = torch.zeros(0, dtype=torch.bool)
        self.prints = torch.zeros(0, dtype=torch.int64)

    def allocate(self, samples: int) -> None:
        """Tell how many samples there will be; more make the bank grow."""
        self._samples = samples

    def __len__(self) -> int:
        """Number of images stored."""
        return int(self.stored.sum())

    def knows(self, indices: list[int], prints: Tensor) -> Tensor:
        """Which samples have an image: boolean (B, ).

        Args:
            indices (list[int]): Sample indices.
            prints (Tensor): Integers (B, ) that identify the inputs' pixels.

        Raises:
            ValueError: If a sample's input is not the one it was stored
                with.
        """
        rows = torch.as_tensor(indices)
        inside = rows < len(self.stored)
        known = torch.zeros(len(rows), dtype=torch.bool)
        known[inside] = self.stored[rows[inside]]
        changed = rows[known][self.prints[rows[known]] != prints[known]]
        if len(changed):
            raise ValueError(
                'HistoryBank: expected every sample to show the same pixels '
                f'in all epochs, but sample(s) {changed.tolist()[:8]} '
                'changed. Take random transforms (crop, flip, resize, '
                'brightness) out of the training pipeline, or put them into '
                "dict(type='FixedAugment', transforms=[...]), which draws "
                'once for each sample. Data sets joined by ConcatDataset '
                'share indices: join their folders instead.')
        return known

    def read(self, indices: list[int], like: Tensor) -> Tensor:
        """Images of known samples.

        Args:
            indices (list[int]): N sample indices.
            like (Tensor): Gives type and device.

        Returns:
            Tensor: (N, 1, H, W).
        """
        data = self.images[torch.as_tensor(indices)].to(like.device)
        if self.dtype is torch.uint8:
            low, high = self.value_range
            return data.to(like.dtype) * ((high - low) / 255) + low
        return data.to(like.dtype)

    def write(self, indices: list[int], prints: Tensor,
              images: Tensor) -> None:
        """Store images, of all processes; each has to call it.

        Args:
            indices (list[int]): Sample indices, none twice.
            prints (Tensor): Integers (N, ), see :meth:`knows`.
            images (Tensor): (N, 1, H, W).

        Raises:
            ValueError: If the images' size is not that of those stored.
        """
        data = self._encode(images.detach()).cpu()
        rows = torch.as_tensor(indices, dtype=torch.int64)
        parallel = get_world_size() > 1
        shared = self.memmap_dir is not None
        if shared and parallel:  # all make the file before one writes
            last = max(all_gather_object(max(indices, default=-1)))
            self._reserve(last + 1, data.shape[1:])
            self.images[rows] = data
        told = (rows, prints, None if shared and parallel else data)
        for rows, prints, data in (all_gather_object(told) if parallel else
                                   (told, )):
            if not len(rows):
                continue
            if data is not None:
                self._reserve(int(rows.max()) + 1, data.shape[1:])
                self.images[rows] = data
            self.stored[rows] = True
            self.prints[rows] = prints

    def _encode(self, images: Tensor) -> Tensor:
        if self.dtype is not torch.uint8:
            return images.to(self.dtype)
        low, high = self.value_range
        scaled = (images - low) * (255 / (high - low))
        return scaled.round().clamp(0, 255).to(torch.uint8)

    def _reserve(self, samples: int, shape: tuple[int, ...]) -> None:
        """Room for ``samples`` images of one shape."""
        have = len(self.stored)
        if self.images is not None:
            if self.images.shape[1:] != shape:
                raise ValueError(
                    'HistoryBank: expected images of one size, '
                    f'{tuple(self.images.shape[2:])}, got '
                    f'{tuple(shape[1:])}. Train on patches of one size '
                    '(tools/dataset_converters/make_patches.py).')
            if samples <= have:
                return
            samples = max(samples, have * 3 // 2)
        samples = max(samples, self._samples or 0)
        images = self._room(samples, tuple(shape))
        if self.images is not None:
            images[:have] = self.images
        self.images = images
        self.stored, self.prints = (torch.cat(
            (old, old.new_zeros(samples - have)))
                                    for old in (self.stored, self.prints))

    def _room(self, samples: int, shape: tuple[int, ...]) -> Tensor:
        if self.memmap_dir is None:
            return torch.empty((samples, *shape), dtype=self.dtype)
        if self._samples is None or self.images is not None:
            raise ValueError(
                'HistoryBank: expected allocate(samples) before anything is '
                'stored in memmap_dir, and no further samples. Keep '
                "dict(type='HistoryBankHook') in default_hooks.")
        path = Path(self.memmap_dir, 'images.npy')
        if get_rank() == 0:
            path.unlink(missing_ok=True)  # its space may be needed
            with finished_array(path, _numpy_type(self.dtype),
                                (samples, *shape)):
                pass
        if get_world_size() > 1:
            all_gather_object(None)  # the file is there
        return torch.from_numpy(np.lib.format.open_memmap(path, 'r+'))

    def _save_to_state_dict(self, destination: dict, prefix: str,
                            keep_vars: bool) -> None:
        if not self.save_state or self.images is None:
            return
        rows = self.stored.nonzero()[:, 0]
        destination[f'{prefix}rows'] = rows
        destination[f'{prefix}images'] = self.images[rows]
        destination[f'{prefix}prints'] = self.prints[rows]

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              local_metadata: dict, strict: bool,
                              missing_keys: list, unexpected_keys: list,
                              error_msgs: list) -> None:
        found = [
            state_dict.get(f'{prefix}{name}')
            for name in ('rows', 'images', 'prints')
        ]
        if any(value is None for value in found):
            return
        rows, images, prints = found
        if images.dtype != self.dtype:
            raise ValueError(
                f'HistoryBank: expected a checkpoint with {self.dtype} '
                f'images, got {images.dtype}. Set dtype to that of the '
                'training that wrote it, or save_state=False there.')
        self.clear()
        if not len(rows):
            return
        self._reserve(int(rows.max()) + 1, images.shape[1:])
        self.images[rows] = images
        self.prints[rows] = prints
        self.stored[rows] = True


def _numpy_type(dtype: torch.dtype) -> np.dtype:
    return torch.empty(0, dtype=dtype).numpy().dtype
