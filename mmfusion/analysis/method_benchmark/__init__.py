"""Fusers and plain rules side by side: what
``tools/analysis_tools/benchmark_methods.py`` does."""
from .methods import BASELINES, Method, read_methods
from .pair_sets import KNOWN_SETS, PairSet, read_sets
from .run import DEFAULT_PRESETS, Options, benchmark_methods

__all__ = [
    'BASELINES', 'DEFAULT_PRESETS', 'KNOWN_SETS', 'Method', 'Options',
    'PairSet', 'benchmark_methods', 'read_methods', 'read_sets'
]
