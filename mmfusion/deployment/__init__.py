"""Networks outside PyTorch's eager mode: export, runtimes, INT8."""
from .accuracy import compare_models
from .backend_fuser import BackendFuser, backend_model
from .exporting import FORMATS, OPSETS, export_model
from .fold import fold_batch_norm, reparameterize
from .graph import PARTS, ExportGraph
from .matrix import export_matrix, matrix_table
from .quantization import quantize
from .runtimes import BACKENDS, SUFFIXES, is_exported, open_session

__all__ = [
    'BACKENDS', 'BackendFuser', 'ExportGraph', 'FORMATS', 'OPSETS', 'PARTS',
    'SUFFIXES', 'backend_model', 'compare_models', 'export_matrix',
    'export_model', 'fold_batch_norm', 'is_exported', 'matrix_table',
    'open_session', 'quantize', 'reparameterize'
]
