"""What can be measured, as text."""
from prettytable import PrettyTable

from mmfusion.functional import FUSION_METRICS, PRESETS

from .tables import LABEL


def list_metrics() -> str:
    """All metrics and presets with what is to be known of them."""
    table = PrettyTable(
        ['metric', 'best', 'range', 'inputs', 'min side', 'reference'],
        align='l')
    for spec in sorted(
            FUSION_METRICS.values(), key=lambda s:
        (s.name.lower(), not s.default, s.variant)):
        low, high = spec.value_range
        notes = [spec.reference]
        notes += ['rounds to 256 levels'] * spec.needs_integers
        notes += ['needs weights'] * spec.needs_weights
        notes += [LABEL] * (not spec.correct)
        table.add_row([
            spec.key + ' *' * spec.default, spec.arrow, f'{low:g}..{high:g}',
            spec.inputs, spec.min_size, '; '.join(notes)
        ])
    lines = [str(table), '* what the bare name means', '', 'Presets:']
    for name, preset in PRESETS.items():
        lines += [
            f'  {name} (channels {preset.channels}): '
            f'{" ".join(preset.columns.values())}', f'      {preset.note}'
        ]
    return '\n'.join(lines)
