"""Mapping tables from our state-dict keys to those of the authors."""
from .base import KeyMapping
from .bffr import BFFR, TRANSFUSER6

#: method name of the command line -> table
MAPPINGS = {mapping.method: mapping for mapping in (TRANSFUSER6, BFFR)}

__all__ = ['BFFR', 'MAPPINGS', 'TRANSFUSER6', 'KeyMapping']
