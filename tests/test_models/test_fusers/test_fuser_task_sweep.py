"""Every registered fuser serves every task."""
import pytest
import torch

from mmfusion.models.wrappers import ImageFuser
from mmfusion.tasks import TASKS
from tests.support.config_cases import demo_fusion_inputs
from tests.support.fuser_cases import FUSERS, build, condition

SIZE = (33, 47)


@pytest.fixture(scope='module')
def fusers():
    """Each is built once."""
    return {name: build(name).eval() for name in FUSERS}


@pytest.mark.parametrize('task', TASKS)
@pytest.mark.parametrize('name', FUSERS)
@torch.no_grad()
def test_fuses(fusers, name, task, monkeypatch):
    fuser = fusers[name]
    text = condition(fuser, 2)
    if text:
        monkeypatch.setattr(ImageFuser, 'condition', lambda *_: text)
    model = ImageFuser(fuser, task=task).eval()
    samples = model.test_step(demo_fusion_inputs(2, SIZE, task=task))
    for sample in samples:
        fused = sample.fused_img.data
        assert fused.shape == (3, *SIZE)
        assert torch.isfinite(fused).all()
        if TASKS[task].colour == 'grey':
            assert torch.equal(fused[:1].expand(3, -1, -1), fused)
        elif name not in ('SelectModality', 'RealtimeFusionNet'):
            # these may show a grey modality, or colours not yet learned
            assert (fused.amax(0) - fused.amin(0)).max() > 0.1
