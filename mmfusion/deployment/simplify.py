"""Fewer nodes in an ONNX graph."""
from pathlib import Path

from mmfusion.utils.interruption import removed_in_the_end


def simplify_onnx(path: Path) -> str:
    """Simplify an ONNX file in place.

    By onnxslim where it is installed, else by ONNX Runtime's basic,
    hardware-independent optimizations. The file's description stays.

    Args:
        path (Path): The file.

    Returns:
        str: Which of the two did it.
    """
    import onnx
    before = onnx.load(str(path))
    try:
        import onnxslim
    except ImportError:
        tool, after = 'onnxruntime', _by_runtime(path)
    else:
        tool, after = 'onnxslim', onnxslim.slim(before)
    kept = {prop.key: prop.value for prop in before.metadata_props}
    onnx.helper.set_model_props(after, kept)
    onnx.checker.check_model(after)
    onnx.save(after, str(path))
    return tool


def _by_runtime(path: Path):
    import onnx
    import onnxruntime as ort
    target = path.with_name(f'{path.stem}.basic{path.suffix}')
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = (
        ort.GraphOptimizationLevel.ORT_ENABLE_BASIC)
    options.optimized_model_filepath = str(target)
    try:
        with removed_in_the_end(target):
            ort.InferenceSession(str(path), options,
                                 providers=['CPUExecutionProvider'])
            return onnx.load(str(target))
    finally:
        target.unlink(missing_ok=True)
