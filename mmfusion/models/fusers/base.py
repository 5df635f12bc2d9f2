"""The contract every fuser keeps."""
import copy

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmfusion.models.layers import ColourFormula
from mmfusion.registry import FAST_FORMS
from mmfusion.structures import FuserOutput
from mmfusion.utils.checkpoint import load_fuser_weights
from mmfusion.utils.errors import UsageError

LumaResult = Tensor | tuple[Tensor, dict[str, Tensor]]


class BaseFuser(BaseModule):
    """Base of all fusers: turns two modalities into one image.

    A method that fuses luminance only implements :meth:`fuse_luma`; the
    base class then pads, splits the colour, recombines it and crops. A
    method that needs all colour channels overrides :meth:`fuse` instead.

    Capability flags (class attributes, held to by a sweep over every
    registered fuser):

    - ``size_divisor`` (int): sides are padded to a multiple of it.
    - ``min_size`` (int): smaller sides are padded up to it.
    - ``padding_mode`` (str): how, a mode of ``torch.nn.functional.pad``;
      images too small to be mirrored are padded with ``'replicate'``.
    - ``needs_text`` (bool): whether ``forward`` requires ``text``.
    - ``exportable`` (bool): whether ``torch.export`` accepts the network.
    - ``takes_seeds`` (bool): whether ``forward`` takes ``seeds``, one an
      image, for methods that draw noise.
    - ``takes_size`` (bool): whether :meth:`fuse` takes ``size``, (height,
      width) of the image proper, for methods that stretch its range: the
      padding right and below it must not count.
    - ``max_sources`` (int, optional): how many images are fused at most;
      None for any number. ``forward`` and ``fuse`` take those beyond two
      behind ``ir``, as :meth:`fuse_luma` does.
    - ``colour_sources`` (bool): whether ``ir`` and the further sources may
      have three channels, and the method makes its own colour of all.
    - ``tile_overlap`` (int, optional): how many pixels beyond the edge of a
      tile change what is in it: the farthest that an output pixel looks. By
      default None: at the whole image, as global pooling, attention over
      all pixels, instance norm and minimum or maximum do. With a number,
      images beyond a memory limit are fused in tiles.
    - ``tile_step`` (int): what the places of tiles are multiples of, beside
      ``size_divisor``: the stride of a network that pads by itself.
    - ``trainable`` (bool): whether gradients reach all parameters; samplers
      of diffusion models are teachers alone, with frozen weights.

    Args:
        channel_order (str): Order in which the colour formula sees the
            channels, ``'rgb'`` or ``'bgr'``. The input is RGB either way;
            ``'bgr'`` reproduces code that applied the RGB luminance weights
            to images in OpenCV order. Defaults to ``'rgb'``.
        clamp (bool): Whether to clamp chrominance and the fused image to
            [0, 1].
        colour_formula (str): How luminance and colour are split and joined:
            ``'project'``, or as published images were made, see
            :class:`~mmfusion.models.layers.ColourFormula`.
        init_cfg (dict, optional): Initialization config.

    Examples:
        >>> import torch
        >>> class Brighter(BaseFuser):
        ...     size_divisor = 8  # padded to it, cropped back
        ...
        ...     def fuse_luma(self, vis_luma, ir):
        ...         return torch.maximum(vis_luma, ir)
        >>> output = Brighter()(torch.rand(1, 3, 5, 9), torch.rand(1, 1, 5, 9))
        >>> output.fused.shape, output.luma.shape
        (torch.Size([1, 3, 5, 9]), torch.Size([1, 1, 5, 9]))
    """
    size_divisor: int = 1
    min_size: int = 1
    padding_mode: str = 'replicate'
    needs_text: bool = False
    exportable: bool = True
    takes_seeds: bool = False
    takes_size: bool = False
    max_sources: int | None = 2
    colour_sources: bool = False
    tile_overlap: int | None = None
    tile_step: int = 1
    trainable: bool = True
    init_cfg: dict | list[dict] | None

    def __init__(self, channel_order: str = 'rgb', clamp: bool = True,
                 colour_formula: str = 'project',
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if channel_order not in ('rgb', 'bgr'):
            raise ValueError('Expected channel_order \'rgb\' or \'bgr\', got '
                             f'{channel_order!r}.')
        self.channel_order = channel_order
        self.clamp = clamp
        self.colour_formula = ColourFormula(colour_formula)

    def init_weights(self) -> None:
        """Do what ``init_cfg`` says.

        ``dict(type='Pretrained', checkpoint=PATH)`` loads strictly (see
        :func:`load_fuser_weights`), and where PATH is None, nothing;
        mmengine's own loading would leave a fuser untouched whose keys carry
        the prefix ``fuser.``.
        """
        cfg = self.init_cfg
        if self.is_init or not (isinstance(cfg, dict)
                                and cfg.get('type') == 'Pretrained'):
            super().init_weights()
            return
        self.init_cfg = None
        super().init_weights()
        self.init_cfg = cfg
        if cfg['checkpoint'] is not None:
            load_fuser_weights(self, cfg['checkpoint'])

    def forward(self, vis: Tensor, ir: Tensor, *more: Tensor,
                **condition) -> FuserOutput:
        """Fuse a batch of pairs of any size.

        Args:
            vis (Tensor): Visible images, RGB, (B, 3, H, W) in [0, 1].
            ir (Tensor): Infrared images, (B, 1, H, W) in [0, 1].
            more (Tensor): Further sources, as ``ir``, of a method that takes
                them.
            condition: Further inputs of conditioned methods, e.g. ``text``.

        Returns:
            FuserOutput: All tensors have the input's height and width.

        Raises:
            ValueError: If the shapes are not as above.
            UsageError: If there are more sources than the method takes.
        """
        self._check(vis, ir, *more)
        height, width = vis.shape[-2:]
        pad = self._padding(height, width)
        if any(pad):
            small = pad[1] >= width or pad[3] >= height
            mode = 'replicate' if small else self.padding_mode
            vis, ir = (F.pad(image, pad, mode=mode) for image in (vis, ir))
            more = tuple(F.pad(image, pad, mode=mode) for image in more)
        if self.takes_size:
            condition['size'] = (height, width)
        output = self.fuse(vis, ir, *more, **condition)
        if not any(pad):
            return output
        return FuserOutput(
            fused=output.fused[..., :height, :width], luma=None if output.luma
            is None else output.luma[..., :height, :width], aux={
                name:
                value[..., :height, :width]
                if value.shape[-2:] == vis.shape[-2:] else value
                for name, value in output.aux.items()
            })

    def fuse(self, vis: Tensor, ir: Tensor, *more: Tensor,
             **condition) -> FuserOutput:
        """Fuse images whose sides already fit ``size_divisor``.

        Args:
            vis (Tensor): RGB, (B, 3, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            more (Tensor): Further sources, as ``ir``.

        Returns:
            FuserOutput: See :class:`FuserOutput`.
        """
        y, cbcr = self.split_colour(vis)
        fused, aux = self._unpack(self.fuse_luma(y, ir, *more, **condition))
        return FuserOutput(self.join_colour(fused, cbcr), fused, aux)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more: Tensor,
                  **condition) -> LumaResult:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): Luminance of the visible image, (B, 1, H, W).
            ir (Tensor): (B, 1, H, W).
            more (Tensor): Further sources, as ``ir``.

        Returns:
            Tensor | tuple[Tensor, dict]: Fused luminance (B, 1, H, W), and
            the method's auxiliary tensors where it has some.
        """
        raise NotImplementedError(
            f'{type(self).__name__} must implement fuse_luma(vis_luma, ir) '
            'or override fuse(vis, ir).')

    def optimize_for_inference(self) -> 'BaseFuser':
        """A frozen copy in eval mode, rearranged for speed.

        Its outputs equal this fuser's to 1e-4; its parameters and state
        dict may differ (folded BatchNorm), so neither train nor save it.

        Returns:
            BaseFuser: The copy; this fuser is left untouched.
        """
        fuser = copy.deepcopy(self).eval().requires_grad_(False)
        fuser._optimize()
        return fuser

    def _optimize(self) -> None:
        """Give the network its fast form, in place, where it has one.

        That is what ``FAST_FORMS`` has under the name of its class, or of
        the class that it takes ``fuse`` and ``fuse_luma`` from.
        """
        for cls in type(self).__mro__:
            form = FAST_FORMS.get(cls.__name__)
            if form is not None:
                form(self)
            if form is not None or {'fuse', 'fuse_luma'} & set(vars(cls)):
                return

    def split_colour(self, vis: Tensor) -> tuple[Tensor, Tensor]:
        """Luminance (B, 1, H, W) and chrominance (B, 2, H, W) of ``vis``."""
        if self.channel_order == 'bgr':
            vis = vis.flip(1)
        return self.colour_formula.split(vis, self.clamp)

    def join_colour(self, y: Tensor, cbcr: Tensor) -> Tensor:
        """Inverse of :meth:`split_colour`: RGB, (B, 3, H, W)."""
        rgb = self.colour_formula.join(y, cbcr, self.clamp)
        return rgb.flip(1) if self.channel_order == 'bgr' else rgb

    @staticmethod
    def _unpack(result: LumaResult) -> tuple[Tensor, dict[str, Tensor]]:
        return result if isinstance(result, tuple) else (result, {})

    def _padding(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(left, right, top, bottom) so that both sides fit the network."""

        def fit(size: int) -> int:
            size = max(size, self.min_size)
            return -(-size // self.size_divisor) * self.size_divisor

        return 0, fit(width) - width, 0, fit(height) - height

    def check_sources(self, count: int) -> None:
        """Raise where the method does not take as many images."""
        if self.max_sources is not None and count > self.max_sources:
            raise UsageError(
                f'{type(self).__name__} fuses {self.max_sources} sources, got '
                f'{count}. Leave some out, or take a method for more, such as '
                'IFCNN or DenseFuse.')

    def _check(self, vis: Tensor, *others: Tensor) -> None:
        name = type(self).__name__
        self.check_sources(1 + len(others))
        if vis.ndim != 4 or vis.shape[1] != 3:
            raise ValueError(
                f'{name}: expected vis of shape (B, 3, H, W), got '
                f'{tuple(vis.shape)}. Repeat a grey visible image to three '
                'channels: vis.expand(-1, 3, -1, -1).')
        for ir in others:
            if ir.ndim != 4 or ir.shape[1] not in (
                (1, 3) if self.colour_sources else (1, )):
                raise ValueError(
                    f'{name}: expected ir of shape (B, 1, H, W), got '
                    f'{tuple(ir.shape)}. Take one channel: ir[:, :1].')
            if vis.shape[0] != ir.shape[0] or vis.shape[2:] != ir.shape[2:]:
                raise ValueError(
                    f'{name}: expected vis and ir of one batch and image size,'
                    f' got {tuple(vis.shape)} and {tuple(ir.shape)}. Register '
                    'and resize the pair first (LoadFusionPair has '
                    'on_size_mismatch=...).')
