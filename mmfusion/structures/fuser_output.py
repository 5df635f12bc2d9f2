"""What every fuser returns."""
from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class FuserOutput:
    """Output of a fuser.

    Attributes:
        fused (Tensor): Fused RGB image, (B, 3, H, W), nominally in [0, 1].
        luma (Tensor, optional): Fused luminance, (B, 1, H, W), of methods
            that fuse luminance only; None otherwise.
        aux (dict[str, Tensor]): Further named outputs of the method, e.g.
            logits ``semantic`` (B, K, H, W) or the reconstruction
            ``vis_rec`` (B, 1, H, W). The method's docstring lists them.

    Examples:
        >>> import torch
        >>> output = FuserOutput(torch.rand(2, 3, 8, 8))
        >>> output.fused.shape, output.luma, output.aux
        (torch.Size([2, 3, 8, 8]), None, {})
    """
    fused: Tensor
    luma: Tensor | None = None
    aux: dict[str, Tensor] = field(default_factory=dict)
