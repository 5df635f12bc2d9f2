"""The name of the losses in all wrappers, and the one before it."""
import pytest

from mmfusion.models.wrappers import inference_config
from mmfusion.registry import MODELS

NEW = dict(average=dict(type='AverageLoss', loss_weight=2.),
           maximum=dict(type='MaxIntensityLoss'))
OLD = dict(average=dict(loss_weight=3.))


def build(**kwargs):
    return MODELS.build(
        dict(type='ImageFuser', fuser=dict(type='AverageFuser'), **kwargs))


def test_old_name_updates_the_new_one():
    with pytest.warns(DeprecationWarning, match='fusion_losses'):
        model = build(losses=NEW)
    assert list(model.fusion_losses) == ['average', 'maximum']
    with pytest.warns(DeprecationWarning, match='fusion_losses'):
        model = build(fusion_losses=NEW, losses=OLD)
    assert list(model.fusion_losses) == ['average', 'maximum']
    assert model.fusion_losses['average'].loss_weight == 3


@pytest.mark.parametrize('key', ['losses', 'fusion_losses'])
def test_neither_is_needed_to_fuse(key):
    cfg = dict(type='ImageFuser', fuser=dict(type='AverageFuser'))
    assert inference_config({**cfg, key: NEW}) == cfg


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize('key', ['losses', 'fusion_losses'])
def test_losses_without_names(key):
    with pytest.raises(TypeError, match='fusion_losses=dict'):
        build(**{key: dict(type='AverageLoss')})
