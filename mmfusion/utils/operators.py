"""mmcv's compiled operators by torchvision and PyTorch.

This module is loaded as ``mmcv._ext`` where mmcv was built without operators
(see :func:`.compat.provide_operators`), on any device. It has what detectors
need; names, arguments and the tensors that are written to are mmcv's. An
operator that is not here raises an error when it is called.
"""
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.utils.compat import BUILD_OPERATORS, DetectionMissing


def _missing(name: str) -> DetectionMissing:
    return DetectionMissing(
        f'Expected mmcv\'s compiled operator {name!r}, got an mmcv without '
        f'operators, and torchvision has none in its place. '
        f'{BUILD_OPERATORS}')


def __getattr__(name: str) -> Any:
    if name.startswith('__'):
        raise AttributeError(name)

    def operator(*args, **kwargs):
        raise _missing(name)

    return operator


def _gradients(function: Callable, inputs: Sequence[Tensor],
               grad: Tensor) -> tuple[Tensor, ...]:
    with torch.enable_grad():
        inputs = [x.detach().requires_grad_() for x in inputs]
        return torch.autograd.grad(function(*inputs), inputs, grad)


def get_compiler_version() -> str:
    """What mmengine lists of the environment."""
    return 'none: operators of torchvision'


def get_compiling_cuda_version() -> str:
    """Likewise."""
    return 'not available'


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float,
        offset: int) -> Tensor:
    """Indices of the boxes (N, 4) that are kept, best score first."""
    import torchvision
    if offset:  # the last pixel belongs to the box
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    return torchvision.ops.nms(boxes, scores, iou_threshold)


def _roi_align(rois: Tensor, aligned_height: int, aligned_width: int,
               spatial_scale: float, sampling_ratio: int, pool_mode: int,
               aligned: bool) -> Callable:
    if pool_mode == 0:
        raise _missing("roi_align with pool_mode='max'")
    import torchvision
    return lambda x: torchvision.ops.roi_align(x, rois.to(x.dtype), (
        aligned_height, aligned_width), spatial_scale, sampling_ratio, aligned)


def roi_align_forward(input: Tensor, rois: Tensor, output: Tensor,
                      argmax_y: Tensor, argmax_x: Tensor, **how) -> None:
    """Average of ``input`` (B, C, H, W) in each bin of ``rois`` (N, 5)."""
    output.copy_(_roi_align(rois, **how)(input))


def roi_align_backward(grad_output: Tensor, rois: Tensor, argmax_y: Tensor,
                       argmax_x: Tensor, grad_input: Tensor, **how) -> None:
    """Gradient of :func:`roi_align_forward`, which is linear."""
    grad, = _gradients(_roi_align(rois, **how), [grad_input], grad_output)
    grad_input.copy_(grad)


def roi_pool_forward(input: Tensor, rois: Tensor, output: Tensor,
                     argmax: Tensor, pooled_height: int, pooled_width: int,
                     spatial_scale: float) -> None:
    """Maximum of ``input`` in each bin; torchvision rounds the corners."""
    import torchvision  # noqa: F401  (registers the operator)
    values, places = torch.ops.torchvision.roi_pool(input,
                                                    rois.to(input.dtype),
                                                    spatial_scale,
                                                    pooled_height,
                                                    pooled_width)
    output.copy_(values)
    argmax.copy_(places)


def roi_pool_backward(grad_output: Tensor, rois: Tensor, argmax: Tensor,
                      grad_input: Tensor, pooled_height: int,
                      pooled_width: int, spatial_scale: float) -> None:
    """Gradient of :func:`roi_pool_forward`."""
    grad_input.copy_(
        torch.ops.torchvision._roi_pool_backward(grad_output,
                                                 rois.to(grad_output.dtype),
                                                 argmax, spatial_scale,
                                                 pooled_height, pooled_width,
                                                 *grad_input.shape))


def _deform_conv(how: dict[str, Any]) -> Callable:
    """torchvision's; groups follow from the shapes."""
    import torchvision

    def pair(height: str, width: str) -> tuple[int, int]:
        return how[height], how[width]

    stride, padding, dilation = ((pair('dH', 'dW'), pair(
        'padH', 'padW'), pair('dilationH', 'dilationW')) if 'dH' in how else
                                 (pair('stride_h', 'stride_w'),
                                  pair('pad_h', 'pad_w'),
                                  pair('dilation_h', 'dilation_w')))

    def convolve(input: Tensor, offset: Tensor, weight: Tensor,
                 mask: Tensor | None = None,
                 bias: Tensor | None = None) -> Tensor:
        size = [(side + 2 * pad - step * (kernel - 1) - 1) // move + 1
                for side, pad, step, kernel, move in zip(
                    input.shape[2:], padding, dilation, weight.shape[2:],
                    stride, strict=True)]
        return torchvision.ops.deform_conv2d(
            input, _first_values(offset, size), weight, bias, stride, padding,
            dilation, None if mask is None else _first_values(mask, size))

    return convolve


def _first_values(maps: Tensor, size: list[int]) -> Tensor:
    """Maps (B, C, H', W') of a size, as mmcv reads larger ones (DyHead's):
    the first values of each sample's memory."""
    if maps.shape[2:].numel() <= math.prod(size):
        return maps
    shape = (*maps.shape[:2], *size)
    return maps.flatten(1)[:, :math.prod(shape[1:])].reshape(shape)


def deform_conv_forward(input: Tensor, weight: Tensor, offset: Tensor,
                        output: Tensor, columns: Tensor, ones: Tensor,
                        **how) -> None:
    """Deformable convolution (version 1) of ``input`` (B, C, H, W)."""
    output.copy_(_deform_conv(how)(input, offset, weight))


def deform_conv_backward_input(input: Tensor, offset: Tensor,
                               grad_output: Tensor, grad_input: Tensor,
                               grad_offset: Tensor, weight: Tensor,
                               columns: Tensor, **how) -> None:
    """Gradients by the input and the offsets."""
    convolve = _deform_conv(how)
    grads = _gradients(lambda x, y: convolve(x, y, weight), (input, offset),
                       grad_output)
    for target, grad in zip((grad_input, grad_offset), grads, strict=True):
        target.copy_(grad)


def deform_conv_backward_parameters(input: Tensor, offset: Tensor,
                                    grad_output: Tensor, grad_weight: Tensor,
                                    columns: Tensor, ones: Tensor,
                                    scale: float, **how) -> None:
    """Gradient by the weight, added to what is there."""
    convolve = _deform_conv(how)
    grad, = _gradients(lambda x: convolve(input, offset, x), (grad_weight, ),
                       grad_output)
    grad_weight.add_(grad, alpha=scale)


def modulated_deform_conv_forward(input: Tensor, weight: Tensor, bias: Tensor,
                                  ones: Tensor, offset: Tensor, mask: Tensor,
                                  output: Tensor, columns: Tensor,
                                  with_bias: bool, **how) -> None:
    """Deformable convolution with a mask (version 2)."""
    output.copy_(
        _deform_conv(how)(input, offset, weight, mask,
                          bias if with_bias else None))


def modulated_deform_conv_backward(input: Tensor, weight: Tensor, bias: Tensor,
                                   ones: Tensor, offset: Tensor, mask: Tensor,
                                   columns: Tensor, grad_input: Tensor,
                                   grad_weight: Tensor, grad_bias: Tensor,
                                   grad_offset: Tensor, grad_mask: Tensor,
                                   grad_output: Tensor, with_bias: bool,
                                   **how) -> None:
    """All gradients of :func:`modulated_deform_conv_forward`."""
    inputs = [input, offset, weight, mask]
    targets = [grad_input, grad_offset, grad_weight, grad_mask]
    if with_bias:
        inputs.append(bias)
        targets.append(grad_bias)
    grads = _gradients(_deform_conv(how), inputs, grad_output)
    for target, grad in zip(targets, grads, strict=True):
        target.copy_(grad)


def _attend(shapes: Tensor) -> Callable:
    from mmcv.ops.multi_scale_deform_attn import \
        multi_scale_deformable_attn_pytorch
    return lambda value, places, weights: multi_scale_deformable_attn_pytorch(
        value, shapes, places, weights)


def ms_deform_attn_forward(value: Tensor, value_spatial_shapes: Tensor,
                           value_level_start_index: Tensor,
                           sampling_locations: Tensor,
                           attention_weights: Tensor,
                           im2col_step: int) -> Tensor:
    """Multi-scale deformable attention, mmcv's own PyTorch form."""
    return _attend(value_spatial_shapes)(value, sampling_locations,
                                         attention_weights)


def ms_deform_attn_backward(value: Tensor, value_spatial_shapes: Tensor,
                            value_level_start_index: Tensor,
                            sampling_locations: Tensor,
                            attention_weights: Tensor, grad_output: Tensor,
                            grad_value: Tensor, grad_sampling_loc: Tensor,
                            grad_attn_weight: Tensor,
                            im2col_step: int) -> None:
    """All gradients of :func:`ms_deform_attn_forward`."""
    grads = _gradients(_attend(value_spatial_shapes),
                       (value, sampling_locations, attention_weights),
                       grad_output)
    for target, grad in zip((grad_value, grad_sampling_loc, grad_attn_weight),
                            grads, strict=True):
        target.copy_(grad)


def _focal(target: Tensor, weight: Tensor, gamma: float,
           alpha: float) -> Callable:
    if weight.numel():
        raise _missing('sigmoid_focal_loss with weights of classes')

    def loss(logits: Tensor) -> Tensor:
        classes = logits.size(1)
        true = F.one_hot(target, classes + 1)[:, :classes].to(logits.dtype)
        p = logits.sigmoid()
        return -(alpha * true * (1 - p)**gamma * F.logsigmoid(logits) +
                 (1 - alpha) * (1 - true) * p**gamma * F.logsigmoid(-logits))

    return loss


def sigmoid_focal_loss_forward(input: Tensor, target: Tensor, weight: Tensor,
                               output: Tensor, gamma: float,
                               alpha: float) -> None:
    """Focal loss of logits (N, C); C is the background's label."""
    output.copy_(_focal(target, weight, gamma, alpha)(input))


def sigmoid_focal_loss_backward(input: Tensor, target: Tensor, weight: Tensor,
                                grad_input: Tensor, gamma: float,
                                alpha: float) -> None:
    """Gradient of the sum of :func:`sigmoid_focal_loss_forward`."""
    grad, = _gradients(_focal(target, weight, gamma, alpha), (input, ),
                       torch.ones_like(input))
    grad_input.copy_(grad)
