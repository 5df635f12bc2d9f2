"""Mapping tables from our state-dict keys to those of the authors."""
from .base import KeyMapping
from .bffr import BFFR, TRANSFUSER6
from .film import FILM
from .mask_difuser import MASK_DIFUSER
from .mmdrfuse import MMDRFUSE
from .psfusion import PSFUSION
from .zoo import ZOO

#: method name of the command line -> tables, one for each kind of file
MAPPINGS = {
    tables[0].method: tables
    for tables in ((TRANSFUSER6, ), (BFFR, ), (PSFUSION, ), MMDRFUSE, (FILM, ),
                   (MASK_DIFUSER, ), *ZOO)
}

__all__ = [
    'BFFR', 'FILM', 'MAPPINGS', 'MMDRFUSE', 'PSFUSION', 'TRANSFUSER6',
    'KeyMapping', 'MASK_DIFUSER'
]
