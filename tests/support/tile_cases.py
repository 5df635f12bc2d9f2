"""Images that are fused as a whole and in tiles."""
import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from mmfusion.apis.pairs import model_pipeline
from mmfusion.apis.tiles import OpenPair, TiledFusion
from mmfusion.models.tiling import Tiling
from mmfusion.registry import MODELS
from tests.support.smooth_pairs import smooth


def arrays(size, seed=0):
    """A visible and an infrared image with edges and noise, uint8."""
    rng = np.random.default_rng(seed)
    return tuple(
        np.clip(
            smooth(rng, size, shape) +
            rng.normal(0, 9, (*size, *shape)), 0, 255).astype(np.uint8)
        for shape in ((3, ), ()))


def wrap(fuser, **kwargs):
    """A wrapper in eval mode."""
    return MODELS.build(dict(type='ImageFuser', fuser=fuser, **kwargs)).eval()


class Tiled(TiledFusion):
    """Tiles of at most some pixels, whatever memory they take."""

    def __init__(self, model, pixels, **tiling):
        super().__init__(model, model_pipeline(model, True), '1TB')
        self.pixels = pixels
        if tiling:
            self.tiling = Tiling(**tiling)

    def _pixels(self, pair: OpenPair) -> float:
        return self.pixels


def opened(tiles, vis, ir):
    return tiles.open(dict(vis=vis, ir=ir))['inputs']


@torch.no_grad()
def whole(model, vis, ir):
    """The fused image without tiles, float (H, W, 3) in 0..255."""
    item = model_pipeline(model, True)(dict(vis=vis, ir=ir))
    sample, = model.test_step(pseudo_collate([item]))
    return sample.fused_img.data.permute(1, 2, 0).numpy() * 255


def worst(model, tiles, vis, ir):
    """Largest difference between both ways, grey levels."""
    expected = whole(model, vis, ir).clip(0, 255)
    return abs(tiles.image(opened(tiles, vis, ir)) - expected).max()
