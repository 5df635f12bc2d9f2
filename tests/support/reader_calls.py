"""Calls in the code that read weights, arrays and pickles."""
import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: last words of calls that read what others wrote
WORDS = re.compile(
    r'(.*\.)?(load|loads|load_checkpoint|load_url|load_file|loadmat|fromstring'
    r'|from_pretrained|InferenceSession|read_model|\w*Unpickler|eval|exec'
    r'|read_checkpoint|load_state_dict_from_url|_pickle_load_obj|open_memmap'
    r'|unsafe_load|full_load|read_pickle|read_arrays?|map_array|npz_names)')
#: those that read JSON, modules of Python's, what was just written, or
#: nothing at all
HARMLESS = {
    'json.loads', 'onnx.load', 'nn.Embedding.from_pretrained', 'self.load',
    'self._store.load'
}
LOCAL = {  # functions of these files, which bear such a name
    'mmfusion/deployment/accuracy.py': {'load'},
    'mmfusion/distill/teacher_images.py': {'loads'},
    'mmfusion/deployment/simplify.py': {'ort.InferenceSession'},
    'mmfusion/utils/files.py': {'np.lib.format.open_memmap'},
    'mmfusion/models/losses/history_bank.py': {'np.lib.format.open_memmap'},
    'tools/dataset_converters/make_patches.py':
    {'np.load', 'np.lib.format.open_memmap'},
    'mmfusion/cli/video.py': {'load'},
    'mmfusion/web/fusing.py': {'self.models[title].load'},
    'mmfusion/utils/model_index.py': {'yaml.load'},  # of the package, safe
}


@cache
def reader_calls() -> list[tuple[str, str, ast.Call]]:
    """File, name and node of all calls that read what others wrote."""
    found = []
    for top in ('mmfusion', 'tools', 'demo', 'benchmarks'):
        for path in (ROOT / top).rglob('*.py'):
            name = path.relative_to(ROOT).as_posix()
            if '.mim' in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    call = ast.unparse(node.func)
                    if WORDS.fullmatch(call) and call not in {
                            *HARMLESS, *LOCAL.get(name, ())
                    } and not call.endswith('.eval'):
                        found.append((name, call, node))
    return found
