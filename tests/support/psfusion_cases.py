"""Builders and comparisons that the tests of PSFusion share."""
from mmfusion.registry import MODELS
from tests.support.references.psfusion import reference_state_dict

SLIM = dict(base_channels=8, depths=(1, 2, 1, 1))
OUTPUTS = ('semantic', 'binary', 'boundary', 'fused', 'vis_rec', 'ir_rec')


def build(**kwargs):
    return MODELS.build(dict(type='PSFusion', **kwargs))


def fill(fuser, state):
    """Load weights that have the authors' names."""
    from mappings.psfusion import psfusion_key
    fuser.load_state_dict(
        {key: state[psfusion_key(key)] for key in fuser.state_dict()})
    return fuser


def slim(**kwargs):
    return fill(build(**SLIM, **kwargs), reference_state_dict(**SLIM))


def naive(state, **size):
    from benchmarks.naive import NaivePSFusion
    network = NaivePSFusion(size.get('base_channels', 32),
                            size.get('depths', (3, 4, 6, 3)))
    result = network.load_state_dict(state, strict=False)
    assert not result.missing_keys
    assert all(
        key.startswith('classfier.boundary_conv1')
        or key.startswith('classfier.boundary_conv2')
        for key in result.unexpected_keys)
    return network


def outputs(output):
    """The six maps in the reference's order."""
    return [
        output.luma if name == 'fused' else output.aux[name]
        for name in OUTPUTS
    ]


def assert_close(first, second, tolerance):
    for name, a, b in zip(OUTPUTS, first, second, strict=True):
        assert a.shape == b.shape, name
        assert (a - b).abs().max().item() <= tolerance, name
