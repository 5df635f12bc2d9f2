"""Mapping tables from our state-dict keys to those of the authors."""
from .base import KeyMapping
from .bffr import BFFR, TRANSFUSER6
from .psfusion import PSFUSION

#: method name of the command line -> table
MAPPINGS = {
    mapping.method: mapping
    for mapping in (TRANSFUSER6, BFFR, PSFUSION)
}

__all__ = ['BFFR', 'MAPPINGS', 'PSFUSION', 'TRANSFUSER6', 'KeyMapping']
