"""Published fusers, built of a few shared pieces; docs/zoo.md names them."""
from .auif import AUIF
from .deepfuse import DeepFuse
from .densefuse import DenseFuse
from .didfuse import DIDFuse
from .ifcnn import IFCNN
from .lrrnet import LRRNet
from .rule_fuser import RuleFuser
from .rules import fusion_rule
from .sage import SAGE
from .seafusion import SeAFusion
from .tardal import TarDAL
from .u2fusion import U2Fusion

__all__ = [
    'AUIF', 'DIDFuse', 'DeepFuse', 'DenseFuse', 'IFCNN', 'LRRNet', 'RuleFuser',
    'SAGE', 'SeAFusion', 'TarDAL', 'U2Fusion', 'fusion_rule'
]
