"""Published fusers, built of a few shared pieces; docs/zoo.md names them."""
from .auif import AUIF
from .datfuse import DATFuse
from .deepfuse import DeepFuse
from .densefuse import DenseFuse
from .didfuse import DIDFuse
from .gifnet import GIFNet
from .ifcnn import IFCNN
from .lrrnet import LRRNet
from .lutfuse import LUTFuse
from .matr import MATR
from .rule_fuser import RuleFuser
from .rules import fusion_rule
from .sage import SAGE
from .seafusion import SeAFusion
from .tardal import TarDAL
from .u2fusion import U2Fusion

__all__ = [
    'AUIF', 'DATFuse', 'DIDFuse', 'DeepFuse', 'DenseFuse', 'GIFNet', 'IFCNN',
    'LRRNet', 'LUTFuse', 'MATR', 'RuleFuser', 'SAGE', 'SeAFusion', 'TarDAL',
    'U2Fusion', 'fusion_rule'
]
