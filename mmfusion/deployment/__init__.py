"""Networks outside PyTorch's eager mode: export, accuracy, INT8."""
from .accuracy import compare_models
from .exporting import FORMATS, OPSETS, ExportOptions, export_model
from .fold import fold_batch_norm, reparameterize
from .graph import PARTS, ExportGraph
from .matrix import export_matrix, matrix_table
from .quantization import quantize

__all__ = [
    'ExportGraph', 'ExportOptions', 'FORMATS', 'OPSETS', 'PARTS',
    'compare_models', 'export_matrix', 'export_model', 'fold_batch_norm',
    'matrix_table', 'quantize', 'reparameterize'
]
