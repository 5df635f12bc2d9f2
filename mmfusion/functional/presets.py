"""Sets of metrics as published tables used them.

A preset names the columns of a table, the variant behind each of them, and
the protocol by which images become numbers.
"""
from collections.abc import Mapping
from dataclasses import dataclass

CHANNELS = ('gray', 'rgb')


@dataclass(frozen=True)
class Preset:
    """Columns and protocol of a family of published tables.

    Attributes:
        name (str): Name of the preset.
        columns (mapping): Heading of a column -> key of a metric.
        channels (str): ``'gray'`` or ``'rgb'`` (each channel, then the
            mean).
        note (str): Where its numbers were published and what to know.
    """
    name: str
    columns: Mapping[str, str]
    note: str
    channels: str = 'gray'


def _columns(*keys: str) -> dict[str, str]:
    return {key.partition(':')[0]: key for key in keys}


_PRESETS = (
    Preset(
        'default',
        _columns('EN', 'SD', 'SF', 'AG', 'MI', 'SCD', 'CC', 'VIF', 'Qabf',
                 'Nabf', 'SSIM', 'MS_SSIM', 'MSE', 'PSNR'),
        'The correct definitions.'),
    Preset(
        'film',
        _columns('EN', 'SD', 'SF', 'AG', 'MI:nats', 'MSE', 'CC', 'PSNR:film',
                 'SCD', 'VIF', 'Qabf', 'SSIM:film'),
        'FILM (ICML 2024). VIF is the sum of two pixel-domain VIFs; its '
        'images are stretched to 0..255 before they are saved.'),
    Preset(
        'cddfuse',
        _columns('EN', 'SD', 'SF', 'AG', 'MI:nats', 'MSE', 'CC', 'PSNR:film',
                 'SCD', 'VIF', 'Qabf', 'SSIM:cddfuse'),
        'CDDFuse (CVPR 2023), MMDRFuse (ACM MM 2024). SSIM takes 2 for the '
        'range of values 0..255.'),
    Preset(
        'tang2022',
        _columns('EN', 'SD:uint8', 'SF:unit', 'AG:vifb', 'MI:tang', 'MSE:unit',
                 'CC', 'PSNR:tang', 'SCD', 'VIF:uint8', 'Qabf:unit'),
        'Evaluation-for-Image-Fusion, MATLAB, before March 2023 (SeAFusion, '
        'PIAFusion): integer overflow in SD, MI and VIF.'),
    Preset(
        'tang2023',
        _columns('EN', 'SD', 'SF', 'AG:vifb', 'MI:tang', 'MSE:unit', 'CC',
                 'PSNR:tang', 'SCD', 'VIF', 'Qabf', 'Nabf:tang2023',
                 'SSIM:tang2023', 'MS_SSIM:tang'),
        'Evaluation-for-Image-Fusion, MATLAB, since March 2023. Nabf takes '
        'the first source for the fused image.'),
    Preset(
        'tang_py',
        _columns('EN:tang_py', 'SD', 'SF', 'AG:vifb', 'MI', 'MSE:unit', 'CC',
                 'PSNR:tang', 'SCD', 'VIF', 'Qabf', 'Nabf:tang_py',
                 'SSIM:tang_py', 'MS_SSIM:tang_py'),
        'Metric_Python and its copies: SSIM and MS_SSIM multiply values of '
        '0..255 by 255 once more.'),
    Preset(
        'vifb',
        _columns('CE', 'EN', 'MI:vifb', 'PSNR:vifb', 'AG:vifb', 'EI', 'Qabf',
                 'SD', 'SF:vifb', 'RMSE:vifb', 'SSIM', 'QCB', 'QCV'),
        'VIFB (CVPR workshops 2020): every colour channel, then the mean.',
        channels='rgb'),
    Preset(
        'mefb',
        _columns('CE', 'EN', 'MI:vifb', 'NMI', 'PSNR:vifb', 'AG:vifb', 'EI',
                 'Qabf', 'SD', 'SF:vifb', 'RMSE:vifb', 'SSIM', 'MEF_SSIM',
                 'NCIE', 'TE:liu', 'QW:edges', 'QY', 'QC:liu', 'QCB', 'QCV',
                 'QP', 'FMI', 'VIFF_han'),
        'MEFB (2021): every colour channel, then the mean. TE swaps the '
        'marginals, QW is that of the edges; QY and QC follow our rule for '
        'flat windows.', channels='rgb'),
    Preset(
        'mef',
        _columns('EN', 'SD', 'SF', 'AG', 'MI', 'CC', 'VIF', 'Qabf', 'MEF_SSIM',
                 'MEF_MS_SSIM'),
        'Correct definitions for two exposures: MEF_SSIM (Ma et al., TIP '
        '2015) compares with the best patch that they could give.'),
    Preset(
        'mff',
        _columns('EN', 'SF', 'AG', 'NMI', 'VIF', 'Qabf', 'QG', 'QM', 'QS',
                 'QY', 'QCB', 'SSIM'),
        'Correct definitions for two focus depths, with the quality '
        'indices that comparisons of multi-focus methods report.'),
    Preset(
        'liu',
        _columns('NMI', 'TE:liu', 'NCIE', 'QG', 'QM', 'QSF', 'QP', 'QS',
                 'QC:liu', 'QY', 'QCV', 'QCB'),
        'The twelve of Liu et al. (TPAMI 2012); QY and QC follow our rule '
        'for flat windows.'),
)
#: every preset by name; MMDRFuse's evaluator is CDDFuse's
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _PRESETS}
PRESETS['mmdrfuse'] = PRESETS['cddfuse']


def get_preset(name: str) -> Preset:
    """Look a preset up.

    Args:
        name (str): One of :data:`PRESETS`, in any case.

    Returns:
        Preset: The preset.

    Raises:
        ValueError: If there is none.

    Examples:
        >>> get_preset('film').columns['SSIM']
        'SSIM:film'
    """
    found = PRESETS.get(name.lower())
    if found is None:
        raise ValueError(
            f'Expected a preset out of {", ".join(PRESETS)}, got {name!r}.')
    return found
