"""Published fusers, built of a few shared pieces; docs/zoo.md names them."""
from .deepfuse import DeepFuse
from .densefuse import DenseFuse
from .ifcnn import IFCNN
from .rule_fuser import RuleFuser
from .rules import fusion_rule

__all__ = ['DeepFuse', 'DenseFuse', 'IFCNN', 'RuleFuser', 'fusion_rule']
