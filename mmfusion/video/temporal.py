"""Frames that belong together: steady range, blending, flicker."""

import cv2
import numpy as np
import torch
from torch import Tensor

from mmfusion.models.registration import warp

#: visible frames that differ by more after warping are taken as occluded
_OCCLUSION = 0.1


class SteadyRange:
    """Min-max stretching whose bounds follow the video slowly.

    Each frame's own lowest and highest value would make the picture
    flicker; here both bounds are exponential moving averages.

    Args:
        momentum (float): Share of the past in the bounds, in [0, 1).

    Raises:
        ValueError: If it is not.
    """

    def __init__(self, momentum: float = 0.95) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f'Expected a momentum in [0, 1), got {momentum}.')
        self.momentum = momentum
        self.bounds: Tensor | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Stretch frames that follow each other.

        Args:
            images (Tensor): (B, C, H, W), in the order of time.

        Returns:
            Tensor: The same shape, in [0, 1].
        """
        own = torch.stack((images.amin((1, 2, 3)), images.amax((1, 2, 3))), 1)
        used = []
        for bounds in own.float():
            if self.bounds is None:
                self.bounds = bounds
            else:
                self.bounds = torch.lerp(bounds, self.bounds, self.momentum)
            used.append(self.bounds)
        low, high = torch.stack(used).to(images).T[..., None, None, None]
        # a constant image has no contrast to stretch
        flat = high <= low
        low = torch.where(flat, torch.zeros_like(low), low)
        scale = torch.where(flat, torch.ones_like(low), high - low)
        return ((images - low) / scale).clamp(0, 1)


def optical_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Dense flow by OpenCV's DIS (Kroeger et al., ECCV 2016), fast preset.

    Args:
        first (np.ndarray): Grey uint8, (H, W).
        second (np.ndarray): The same.

    Returns:
        np.ndarray: (H, W, 2) float32: ``first(p)`` is ``second(p + flow)``.
    """
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return method.calc(first, second, None)


def moved(image: Tensor, flow: np.ndarray) -> Tensor:
    """Fetch every pixel of (C, H, W) from where the flow points."""
    offsets = torch.from_numpy(flow).permute(2, 0, 1)
    return warp(image[None], offsets[None].to(image))[0]


class MotionTracker:
    """Motion and visibility from one visible frame to the next."""

    def __init__(self) -> None:
        self.previous: np.ndarray | None = None

    def __call__(self, vis: np.ndarray) -> tuple[np.ndarray, Tensor] | None:
        """Track the next frame.

        Args:
            vis (np.ndarray): BGR or grey, uint8.

        Returns:
            tuple[np.ndarray, Tensor] | None: Flow (H, W, 2) from this frame
            to the one before, and (1, H, W) of 0 and 1: where that one
            shows the same. None for a first frame, or of another size.
        """
        grey = vis if vis.ndim == 2 else cv2.cvtColor(vis, cv2.COLOR_BGR2GRAY)
        previous, self.previous = self.previous, grey
        # DIS needs some pixels for its patches
        if (previous is None or previous.shape != grey.shape
                or min(grey.shape) < 16):
            return None
        flow = optical_flow(grey, previous)
        before, now = (torch.from_numpy(image)[None].float() / 255
                       for image in (previous, grey))
        same = (moved(before, flow) - now).abs() < _OCCLUSION
        return flow, same.float()


class TemporalBlend:
    """Blends each fused frame with the one before, moved along.

    ``F_t + strength * mask * (moved(F_{t-1}) - F_t)``: noise and flicker of
    a fuser fall, what moves stays sharp, and what was hidden is not mixed
    in.

    Args:
        strength (float): Share of the past where it shows the same, in
            [0, 1).

    Raises:
        ValueError: If it is not.
    """

    def __init__(self, strength: float) -> None:
        if not 0 <= strength < 1:
            raise ValueError(f'Expected a blend in [0, 1), got {strength}.')
        self.strength = strength
        self.previous: Tensor | None = None

    def __call__(self, fused: Tensor,
                 motion: tuple[np.ndarray, Tensor] | None) -> Tensor:
        """Blend one frame.

        Args:
            fused (Tensor): (3, H, W).
            motion (tuple, optional): Of :class:`MotionTracker`.
        """
        if motion is not None and self.previous is not None:
            flow, same = motion
            past = moved(self.previous, flow)
            fused = torch.lerp(fused, past, self.strength * same.to(fused))
        self.previous = fused
        return fused


class FlickerMeter:
    """How unsteady a video is.

    ``flicker`` is the standard deviation over time of the frames' means, on
    the scale of [0, 1]; ``jump`` the mean step from one frame's mean to the
    next, which slow changes of the scene hardly raise; ``warp_error`` the
    mean difference between a frame and the one before, moved along, where
    both show the same.
    """

    def __init__(self) -> None:
        self.means: list = []
        self.errors: list = []
        self.previous: Tensor | None = None

    def update(self, frame: Tensor,
               motion: tuple[np.ndarray, Tensor] | None) -> None:
        """Take the next frame.

        Args:
            frame (Tensor): (3, H, W) in [0, 1].
            motion (tuple, optional): Of :class:`MotionTracker`.
        """
        self.means.append(frame.mean().item())
        if motion is not None and self.previous is not None:
            flow, same = motion
            same = same.to(frame)
            error = (moved(self.previous, flow) - frame).abs() * same
            total = same.sum() * len(frame)
            self.errors.append((error.sum() / total.clamp(min=1)).item())
        self.previous = frame

    def result(self) -> dict[str, float]:
        """The three numbers; NaN where there are too few frames."""
        if not self.means:
            return dict.fromkeys(('flicker', 'jump', 'warp_error'),
                                 float('nan'))
        steps = np.abs(np.diff(self.means))
        return dict(
            flicker=float(np.std(self.means)),
            jump=float(steps.mean()) if len(steps) else float('nan'),
            warp_error=(float(np.mean(self.errors))
                        if self.errors else float('nan')))
