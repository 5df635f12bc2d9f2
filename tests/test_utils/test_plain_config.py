"""Configs that come with weights are data."""
import pytest
from mmengine.config import Config

from mmfusion.utils.errors import UsageError
from mmfusion.utils.plain_config import check_types, literal_config


def test_reads_what_mmengine_writes():
    content = dict(
        a=dict(b=[1, -2., 'x', None, (True, )], c={'d.e': dict(f=())}),
        work_dir='w')
    text = Config(content).pretty_text
    assert literal_config(text) == content


@pytest.mark.parametrize('text', [
    'import os', 'a = open("x")', 'a = [b for b in c]', 'a = dict(b=d.e())',
    'a = b', 'a.b = 1', 'a = dict(1)', 'a =', 'a = ' + '[' * 5000, 7, None
])
def test_refuses_all_else(text):
    with pytest.raises(UsageError, match='of literals'):
        literal_config(text)


@pytest.mark.parametrize('kind', [
    'PackFusionInputs', 'mmfusion.PackFusionInputs', 'Resize', 'BN',
    'mmseg.LoadAnnotations', 'Pretrained', 'pseudo_collate',
    'mmengine.ConcatDataset'
])
def test_registered_types(kind):
    check_types([dict(a=[dict(type=kind)])], 'a.pth')


@pytest.mark.parametrize('node', [
    dict(type='os.mkdir'),
    dict(type='antigravity'),
    dict(type='mmcv.imwrite'),
    dict(type='mmengine.mkdir_or_exist'),
    dict(type='mmseg.os.mkdir'),
    dict(type='CallableDenoiser'),
    dict(type=print),
    dict(resize_type='os.mkdir'),
    [dict(a=(dict(type='os.mkdir'), ))],
], ids=str)
def test_other_types(node):
    with pytest.raises(UsageError, match='expected registered types'):
        check_types(node, 'a.pth')
