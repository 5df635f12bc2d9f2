"""Published fusers, built of a few shared pieces; docs/zoo.md names them."""
from .deepfuse import DeepFuse
from .densefuse import DenseFuse
from .ifcnn import IFCNN
from .rule_fuser import RuleFuser
from .rules import fusion_rule
from .sage import SAGE
from .seafusion import SeAFusion
from .u2fusion import U2Fusion

__all__ = [
    'DeepFuse', 'DenseFuse', 'IFCNN', 'RuleFuser', 'SAGE', 'SeAFusion',
    'U2Fusion', 'fusion_rule'
]
