"""One menu for every method of the zoo; see :class:`ZooMenu`.

A method's test file is a subclass with a table of what is its own.
"""
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmfusion.cli.fuse import main as test_fusion
from mmfusion.models.fusers import BaseFuser
from mmfusion.registry import MODELS
from mmfusion.utils.checkpoint import load_fuser_weights

from .zoo_golden import GOLDEN

ROOT = Path(__file__).resolve().parents[2]
#: inputs of published images that lie among other data
ELSEWHERE = dict(tno_11='08', tno_16='11', fusion_tno_01='01')
#: (set, stem, top, left) of the crops behind the golden numbers
CROPS = dict(R=('fusion_roadscene', 'FLIR_00211', 22, 120),
             T=('fusion_tno', '01', 160, 256))

Raw = Callable[[BaseFuser, Tensor, Tensor, Tensor], Tensor]


def luma_of(scale: float = 1.) -> Raw:
    """The luminance that a fuser gives, times ``scale``."""

    def raw(fuser, rgb, vis, ir):
        luma = fuser.fuse_luma(vis, ir)
        return scale * (luma[0] if isinstance(luma, tuple) else luma)

    return raw


@dataclass(frozen=True)
class Golden:
    """A row of the table of golden numbers.

    Attributes:
        row (str): Of :data:`GOLDEN`.
        file (str): Published file or folder, below the method's folder.
        fuser (dict): Options of the class.
        raw (callable): The numbers' tensor of ``(fuser, rgb, vis, ir)``.
        tolerance (float): Largest difference.
    """
    row: str
    file: str
    fuser: dict = field(default_factory=dict)
    raw: Raw = luma_of()
    tolerance: float = 1e-5


@dataclass(frozen=True)
class Published:
    """Published images, and how near to them the config comes.

    Attributes:
        names (tuple[str, ...]): Of the images.
        file (str): As that of :class:`Golden`.
        worst (int): Largest difference, grey levels.
        mean (float): Mean difference, grey levels.
        options (tuple[str, ...]): ``KEY=VALUE`` of ``--cfg-options``.
        edge (int): Pixels at the border that are not compared.
        encode (callable, optional): What becomes of our image first.
    """
    names: tuple[str, ...]
    file: str
    worst: int = 1
    mean: float = 1e-4
    options: tuple[str, ...] = ()
    edge: int = 0
    encode: Callable[[np.ndarray], np.ndarray] = lambda image: image


def golden_pair(name: str, data: Path | None = None) -> tuple[Tensor, ...]:
    """RGB, visible luminance and infrared of the pair S, R or T."""
    if name == 'S':
        rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64),
                                       indexing='ij')
        ir, vis = (((a * rows + b * columns) % 256)[None, None] / 255
                   for a, b in ((3, 5), (7, 2)))
        return vis.expand(-1, 3, -1, -1), vis, ir
    folder, stem, top, left = CROPS[name]
    read = [
        cv2.imread(
            str(next((data / folder / 'test' / kind).glob(f'{stem}.*'))),
            flag)[top:top + 256, left:left + 256]
        for kind, flag in (('vi', cv2.IMREAD_COLOR), ('ir',
                                                      cv2.IMREAD_GRAYSCALE))
    ]
    rgb = torch.from_numpy(read[0][..., ::-1].copy()).permute(2, 0, 1)[None]
    ir = torch.from_numpy(read[1])[None, None]
    rgb, ir = rgb.float() / 255, ir.float() / 255
    factors = torch.tensor([.299, .587, .114]).view(1, 3, 1, 1)
    return rgb, (rgb * factors).sum(1, keepdim=True), ir


def numbers(raw: Tensor) -> Tensor:
    """Mean, standard deviation and six samples of the first channel."""
    side = raw.shape[-1]
    places = ((0, 0), (5, 9), (side // 2, side // 2),
              (side // 4, 3 * side // 4), (side - 1, 0), (side - 1, side - 1))
    raw = raw.double()
    return torch.stack([
        raw.mean(),
        raw.std(unbiased=False),
        *(raw[0, 0, row, column] for row, column in places)
    ])


def fill(network: nn.Module) -> nn.Module:
    """Weights that are a function of their names, in eval mode."""
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith('running_var'):
            value.copy_(1 + 0.1 * noise.abs())
        elif value.ndim > 1:
            value.copy_(noise / value[0].numel()**0.5)
        else:
            value.copy_(name.endswith('weight') + 0.05 * noise)
    return network.eval()


def differences(got: np.ndarray, expected: np.ndarray,
                edge: int) -> tuple[int, float]:
    """Largest and mean difference inside of a border."""
    inside = slice(edge, -edge or None)
    away = np.abs(got.astype(int) - expected.astype(int))[inside, inside]
    return int(away.max()), float(away.mean())


class ZooMenu:
    """Tests of one method.

    Attributes:
        method (str): Of the converter; ``configs/zoo/<method>.py``.
        folder (str): Of the weights and the published images.
        kind (str): Registered class.
        golden (tuple[Golden, ...]): Networks with published weights.
        published (tuple[Published, ...]): Published images.
        fills (tuple[float, ...]): :func:`numbers` of the fuser with default
            options, filled by names, for the pair S.
    """
    method: str
    folder: str
    kind: str
    golden: tuple[Golden, ...] = ()
    published: tuple[Published, ...] = ()
    fills: tuple[float, ...] = ()
    fills_raw: Raw = staticmethod(luma_of())

    def converted(self, converter, weights: Path, file: str,
                  tmp_path: Path) -> Path:
        source = weights / 'zoo' / self.folder / file
        if not source.exists():
            pytest.skip(f'nothing there: {source}')
        target = tmp_path / 'converted.pth'
        converter.convert_file(str(source), str(target), self.method)
        return target

    @torch.no_grad()
    def test_golden_numbers(self, converter, published_weights, tmp_path):
        data = Path(os.environ.get('MMFUSION_DATA', ROOT / 'data'))
        for case in self.golden:
            fuser = MODELS.build(dict(type=self.kind, **case.fuser)).eval()
            load_fuser_weights(
                fuser,
                self.converted(converter, published_weights, case.file,
                               tmp_path))
            for name, expected in GOLDEN[case.row].items():
                if name != 'S' and not (data / CROPS[name][0]).is_dir():
                    continue
                got = numbers(case.raw(fuser, *golden_pair(name, data)))
                away = (got - torch.tensor(expected).double()).abs().max()
                assert away <= case.tolerance, (case.row, name, got)

    def test_published_images(self, converter, published_weights, oracle,
                              tmp_path):
        for case in self.published:
            weights = self.converted(converter, published_weights, case.file,
                                     tmp_path)
            sources = {kind: tmp_path / kind for kind in ('vi', 'ir')}
            for kind, folder in sources.items():
                folder.mkdir(exist_ok=True)
                for name in case.names:
                    self.link(name, kind, folder, oracle)
            out = tmp_path / 'fused'
            assert not test_fusion([
                f'mmfusion::zoo/{self.method}.py',
                str(weights), '--vis',
                str(sources['vi']), '--ir',
                str(sources['ir']), '--out-dir',
                str(out),
                *(['--cfg-options', *case.options] if case.options else [])
            ])
            for name in case.names:
                file, = (oracle / 'zoo/fused' / self.folder).glob(f'{name}.*')
                expected = cv2.imread(str(file))
                got = case.encode(cv2.imread(str(out / f'{name}.png')))
                worst, mean = differences(got, expected, case.edge)
                assert worst <= case.worst and mean <= case.mean, (name, worst,
                                                                   mean)
            for folder in (*sources.values(), out):
                shutil.rmtree(folder)

    @staticmethod
    def link(name: str, kind: str, folder: Path, oracle: Path) -> None:
        """Bring an input of a published image into a folder."""
        found = [*(oracle / 'zoo' / kind).glob(f'{name}.*')]
        if not found:
            data = Path(os.environ.get('MMFUSION_DATA', ROOT / 'data'))
            found = [
                data / 'fusion_tno/test' / kind / f'{ELSEWHERE[name]}.png'
            ]
        (folder / f'{name}{found[0].suffix}').symlink_to(found[0])

    @torch.no_grad()
    def test_fills_by_name(self):
        fuser = fill(MODELS.build(dict(type=self.kind)))
        got = numbers(self.fills_raw(fuser, *golden_pair('S')))
        assert self.fills, got.tolist()
        torch.testing.assert_close(got,
                                   torch.tensor(self.fills).double(),
                                   atol=1e-4, rtol=1e-4)

    def test_round_trip(self, converter, tmp_path):
        """Our weights to the published format and back, of all variants."""
        for table in converter.MAPPINGS[self.method]:
            network = fill(table.build())
            ours, theirs, back = (
                str(tmp_path / name)
                for name in (f'{table.mark}ours.pth',
                             f'{table.mark}theirs{table.suffix or ".pth"}',
                             f'{table.mark}back.pth'))
            meta = dict(made_for=table.made_for)
            torch.save(dict(state_dict=network.state_dict(), meta=meta), ours)
            if table.suffix == '.index':
                with pytest.raises(ValueError, match='TensorFlow bundle'):
                    converter.convert_file(ours, theirs, self.method, True)
                continue
            converter.convert_file(ours, theirs, self.method, reverse=True)
            converter.convert_file(theirs, back, self.method)
            content = torch.load(back, weights_only=True)
            assert content['meta']['made_for'] == table.made_for
            for key, value in network.state_dict().items():
                assert torch.equal(content['state_dict'][key], value), key
