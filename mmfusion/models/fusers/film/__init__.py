"""FILM: image fusion guided by a text that describes the scene.

Paper: Zhao et al., "Image Fusion via Vision-Language Model", ICML 2024,
arXiv 2402.02235. Origin: github.com/Zhaozixiang1228/IF-FILM.

Two branches of three stages each work on one modality; in every stage a
text gates the branch's features. A decoder of Restormer blocks joins both.
The network computes what the authors' computes and differs in this:

- texts of different lengths form a batch, padded and masked;
- the attention stores no map between text and image;
- image sizes need not be known beforehand, and colour is kept;
- widths and the grid that the tokens come from are arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils.torch_features import is_compiling

from ..base import BaseFuser
from .layers import GuidedBranch, RestormerBlock

Text = Tensor | str | None


@MODELS.register_module()
class FILMFusion(BaseFuser):
    """Fuses luminance, guided by text; 2,070,235 parameters by default.

    ``forward`` and ``fuse_luma`` take two more inputs:

    - ``text`` (Tensor): Features of each image's text, (B, L, text_channels)
      of any L. The published weights belong to BLIP-2's Q-Former, both
      images' descriptions one after the other. ``'none'`` stands for no
      description: one token of zeros an image. The published network has
      never seen such a text, so take it as a makeshift; for many similar
      images the feature of one common text is the better choice.
    - ``text_mask`` (Tensor, optional): (B, L) of bool, True for real
      tokens. What it masks changes nothing. Features that were padded
      before they were stored, as FILM's own may be, are to be used as they
      are, without a mask.

    Args:
        channels (int): Width of the branches.
        token_dim (int): Width of text and image tokens.
        token_channels (int): Channels of the map that is cut into tokens.
        text_channels (int): Width of the text's features.
        num_heads (int): Heads of all attentions; divides ``channels`` and
            ``token_dim``.
        token_grid (tuple[int, int]): Height and width to which maps are
            resized before they are cut into tokens.
        missing_text (str): What a call without ``text`` means: ``'error'``,
            or ``'none'`` as above. Defaults to ``'error'``.
        with_cp (bool): Whether to compute most of the forward pass anew in
            the backward pass, which takes a fraction of the memory and a
            third more time. Defaults to False.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If widths, heads and grid do not fit together.
    """
    needs_text = True

    def __init__(self, channels: int = 32, token_dim: int = 256,
                 token_channels: int = 32, text_channels: int = 768,
                 num_heads: int = 8, token_grid: tuple[int, int] = (288, 384),
                 missing_text: str = 'error', with_cp: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        values = token_channels * token_grid[0] * token_grid[1]
        if channels % num_heads or token_dim % num_heads:
            raise ValueError(
                'Expected channels and token_dim divisible by num_heads, got '
                f'{channels}, {token_dim} and {num_heads}.')
        if values % token_dim:
            raise ValueError(
                'Expected token_channels * height * width of token_grid to '
                f'be a multiple of token_dim={token_dim}, got '
                f'{token_channels} * {token_grid[0]} * {token_grid[1]} = '
                f'{values}.')
        if missing_text not in ('error', 'none'):
            raise ValueError("Expected missing_text 'error' or 'none', got "
                             f'{missing_text!r}.')
        self.text_channels = text_channels
        self.missing_text = missing_text
        self.text_proj = nn.Conv1d(text_channels, token_dim, 1)
        self.vis_stages, self.ir_stages = (nn.ModuleList(
            GuidedBranch(inputs, channels, token_dim, token_channels,
                         num_heads, tuple(token_grid), with_cp)
            for inputs in (1, channels, channels)) for _ in range(2))
        self.decoder = nn.Sequential(
            RestormerBlock(2 * channels, num_heads, with_cp=with_cp),
            nn.Conv2d(2 * channels, channels, 1),
            RestormerBlock(channels, num_heads, with_cp=with_cp),
            RestormerBlock(channels, num_heads, with_cp=with_cp),
            nn.Conv2d(channels, 1, 1))

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, text: Text = None,
                  text_mask: Tensor | None = None) -> Tensor:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            text (Tensor | str, optional): See the class.
            text_mask (Tensor, optional): See the class.

        Returns:
            Tensor: (B, 1, H, W) in (0, 1).

        Raises:
            ValueError: If there is no text or it has another shape; on a
                CPU also if it holds NaN or infinite values, or an image has
                no token, which elsewhere give NaN.
            TypeError: If text or mask have another type.
        """
        text, mask = self.check_text(text, text_mask, vis_luma)
        weights = mask / mask.sum(dim=1, keepdim=True)
        text = F.linear(text, self.text_proj.weight.squeeze(2),
                        self.text_proj.bias)
        return self.fuse_guided(vis_luma, ir, text, weights)

    def fuse_guided(self, vis: Tensor, ir: Tensor, text: Tensor,
                    weights: Tensor) -> Tensor:
        """What follows the text's projection.

        Args:
            vis (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            text (Tensor): (B, L, token_dim).
            weights (Tensor): (B, L), each row with the sum 1.

        Returns:
            Tensor: (B, 1, H, W) in (0, 1).
        """
        for vis_stage, ir_stage in zip(self.vis_stages, self.ir_stages,
                                       strict=True):
            vis = vis_stage(vis, text, weights)
            ir = ir_stage(ir, text, weights)
        both = torch.cat((ir, vis), dim=1)
        del ir, vis
        return torch.sigmoid(self.decoder(both))

    def check_text(self, text: Text, mask: Tensor | None,
                   image: Tensor) -> tuple[Tensor, Tensor]:
        """Bring a text into the form that the network reads.

        Args:
            text (Tensor | str, optional): See the class.
            mask (Tensor, optional): See the class.
            image (Tensor): (B, C, H, W), gives batch, type and device.

        Returns:
            tuple[Tensor, Tensor]: Features (B, L, text_channels), zero
            where masked, and the mask (B, L), both in the image's type.

        Raises:
            ValueError: See :meth:`fuse_luma`.
            TypeError: See :meth:`fuse_luma`.
        """
        name, batch = type(self).__name__, image.shape[0]
        if text is None:
            text = self.missing_text
        if isinstance(text, str) and text == 'none':
            return (image.new_zeros(batch, 1, self.text_channels),
                    image.new_ones(batch, 1))
        if isinstance(text, str):
            raise ValueError(
                f'{name}: expected text=Tensor (B, L, {self.text_channels}), '
                'the features of a text for each image, got ' +
                ('none' if text == 'error' else repr(text)) +
                ". Load or encode a text (docs/text_guidance.md), or say "
                "text='none', or missing_text='none' in the fuser's config, "
                'to fuse without one.')
        if not isinstance(text, Tensor) or not text.is_floating_point():
            kind = getattr(text, 'dtype', type(text).__name__)
            raise TypeError(f'{name}: expected text as a tensor of floats, '
                            f'got {kind}. Encode the text first.')
        if (text.ndim != 3 or text.shape[0] != batch or not text.shape[1]
                or text.shape[2] != self.text_channels):
            raise ValueError(
                f'{name}: expected text of shape (B, L, C) with B = {batch} '
                f'images, L >= 1 tokens and C = {self.text_channels}, got '
                f'{tuple(text.shape)}. One text for all images: '
                'text.expand(B, -1, -1); an encoder of another width: train '
                'with text_channels=<its width>.')
        if mask is None:
            mask = text.new_ones(text.shape[:2], dtype=torch.bool)
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
            kind = getattr(mask, 'dtype', type(mask).__name__)
            raise TypeError(f'{name}: expected text_mask as a tensor of '
                            f'bool, True for real tokens, got {kind}.')
        if mask.shape != text.shape[:2]:
            raise ValueError(f'{name}: expected text_mask of shape '
                             f'{tuple(text.shape[:2])}, got '
                             f'{tuple(mask.shape)}.')
        text, mask = text.to(image), mask.to(image.device)
        text = text.masked_fill(~mask.unsqueeze(2), 0)
        # looking at values stops export and tracing, and a GPU: there the
        # fused image tells, which such a text fills with NaN
        if text.device.type == 'cpu' and not is_compiling():
            self._check_values(name, text, mask)
        return text, mask.to(text.dtype)

    @staticmethod
    def _check_values(name: str, text: Tensor, mask: Tensor) -> None:
        good = torch.stack(
            (text.isfinite().flatten(1).all(dim=1), mask.any(dim=1)))
        if good.all():
            return
        finite, real = good.tolist()
        for index in range(len(finite)):
            if not finite[index]:
                raise ValueError(
                    f'{name}: expected finite text features, got NaN or '
                    f'infinite ones for image {index} of the batch. Encode '
                    'its text again.')
            if not real[index]:
                raise ValueError(
                    f'{name}: expected at least one real token for each '
                    f'image, got none for image {index} of the batch. '
                    "Give it a text, or text='none' for the whole batch.")
