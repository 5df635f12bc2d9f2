"""IFCNN (Information Fusion 2020): one file for each rule, all alike."""
from .table import layer_table

_LAYERS = {
    'stem.conv': 'conv1',
    'encoder.conv': 'conv2.conv',
    'encoder.norm': 'conv2.bn',
    'decoder.conv': 'conv3.conv',
    'decoder.norm': 'conv3.bn',
    'out.conv': 'conv4'
}

#: the name of a file tells its rule
TABLES = tuple(
    layer_table('ifcnn', 'IFCNN', _LAYERS, options=dict(
        rule=rule), mark=mark, old_norms=True)
    for rule, mark in (('max', 'MAX'), ('mean', 'MEAN'), ('add', 'SUM')))
