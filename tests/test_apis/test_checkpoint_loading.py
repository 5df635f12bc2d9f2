"""A checkpoint fits a model, or it is an error that lists the keys."""
import pytest
import torch
from mmengine.model import BaseTTAModel

from mmfusion.apis.checkpoint import check_overlap, load_model_weights
from mmfusion.apis.model_loading import build_network, init_model
from mmfusion.cli.legacy import UsageError
from mmfusion.utils.config_file import load_config
from tests.support import tiny_project


@pytest.fixture
def configs(tmp_path):
    return tiny_project.make_project(tmp_path)


@pytest.fixture
def models(configs):
    """A stage-1 and a stage-2 model with random, different weights."""

    def build(name):
        torch.manual_seed(len(name) + sum(map(ord, name)))
        model = build_network(load_config(configs / f'{name}.py'))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_()
        return model

    return build


def save(path, state, **more):
    torch.save(dict(state_dict=state, **more), path)
    return path


def equal(model, other, prefix=''):
    mine, theirs = model.state_dict(), other.state_dict()
    keys = [key for key in theirs if key.startswith(prefix)]
    assert keys
    return all(torch.equal(mine[key], theirs[key]) for key in keys)


@pytest.mark.parametrize('name', ['stage1', 'stage2'])
def test_own_checkpoint(models, name, tmp_path):
    source, target = models(name), models(name)
    with torch.no_grad():
        next(target.parameters()).zero_()
    assert not equal(target, source)
    path = save(tmp_path / 'a.pth', source.state_dict(), meta=dict(x=1))
    meta, notes = load_model_weights(target, path)
    assert equal(target, source) and meta == dict(x=1) and not notes


def test_bare_fuser_weights(models, tmp_path):
    source, target = models('stage1'), models('stage1')
    torch.nn.init.zeros_(next(target.parameters()))
    path = tmp_path / 'a.pth'
    torch.save(source.fuser.state_dict(), path)
    load_model_weights(target, path)
    assert equal(target, source)


def test_stage2_checkpoint_serves_stage1(models, tmp_path):
    source, target = models('stage2'), models('stage1')
    path = save(tmp_path / 'a.pth', source.state_dict())
    _, notes = load_model_weights(target, path)
    assert all(
        torch.equal(value,
                    source.state_dict()[key])
        for key, value in target.state_dict().items())
    assert len(notes) == 1 and 'no segmentor' in notes[0]


def test_fuser_checkpoint_for_a_segmenter(models, tmp_path):
    source, target = models('stage1'), models('stage2')
    path = save(tmp_path / 'a.pth', source.state_dict())
    with pytest.raises(UsageError, match='missing: segmentor.backbone'):
        load_model_weights(target, path)
    _, notes = load_model_weights(target, path, fuser_is_enough=True)
    assert equal(target, source, 'fuser.')
    assert len(notes) == 1 and 'fuser only' in notes[0]


def test_wrong_checkpoint_changes_nothing(models, tmp_path):
    model = models('stage1')
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = dict(before)
    first = next(iter(state))
    state['backbone.conv.weight'] = state.pop(first)
    with pytest.raises(UsageError) as error:
        load_model_weights(model, save(tmp_path / 'a.pth', state))
    text = str(error.value)
    assert f'1 missing: {first}' in text
    assert '1 unexpected: backbone.conv.weight' in text
    assert 'a.pth' in text and 'convert.py' in text
    assert all(
        torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_misshapen_key(models, tmp_path):
    model = models('stage1')
    state = model.state_dict()
    first = next(iter(state))
    state[first] = torch.zeros(1)
    with pytest.raises(UsageError, match=f'misshapen: {first}'):
        load_model_weights(model, save(tmp_path / 'a.pth', state))


def test_buffers_of_losses_do_not_matter(models, tmp_path):
    model = models('stage1')
    state = {**model.state_dict(), 'fusion_losses.a.kernel': torch.zeros(1)}
    load_model_weights(model, save(tmp_path / 'a.pth', state))


def test_code_in_a_checkpoint_is_not_run(models, tmp_path):

    class Evil:

        def __reduce__(self):
            return exec, ('raise SystemExit', )

    torch.save(dict(state_dict=Evil()), tmp_path / 'a.pth')
    with pytest.raises(UsageError, match='read safely'):
        load_model_weights(models('stage1'), tmp_path / 'a.pth')


def test_model_inside_a_tta_model(models, tmp_path):

    class Mean(BaseTTAModel):

        def merge_preds(self, data_samples_list):
            return data_samples_list

    source, target = models('stage1'), models('stage1')
    torch.nn.init.zeros_(next(target.parameters()))
    path = save(tmp_path / 'a.pth', source.state_dict())
    load_model_weights(Mean(target), path)
    assert equal(target, source)


def test_overlap(models, tmp_path):
    model = models('stage2')
    full = save(tmp_path / 'full.pth', model.state_dict())
    assert check_overlap(model, full) == []
    part = save(tmp_path / 'part.pth', models('stage1').state_dict())
    notes = check_overlap(model, part)
    assert len(notes) == 1 and 'segmentor.' in notes[0]
    none = save(tmp_path / 'none.pth', dict(a=torch.zeros(1)))
    with pytest.raises(UsageError, match="another model: .*'a'"):
        check_overlap(model, none)


def test_init_model(configs, models, tmp_path):
    source = models('stage2')
    meta = dict(dataset_meta=dict(classes=('a', ), palette=[[1, 2, 3]]))
    path = save(tmp_path / 'a.pth', source.state_dict(), meta=meta)
    model = init_model(configs / 'stage2.py', path)
    assert not model.training
    assert model.dataset_meta == meta['dataset_meta']
    plain = init_model(configs / 'stage2.py', path, optimize=False)
    assert equal(plain, source)
    inputs = torch.rand(1, 4, 40, 56)
    with torch.no_grad():
        torch.testing.assert_close(
            model.fuse(inputs).fused,
            plain.fuse(inputs).fused, rtol=1e-4, atol=1e-4)


def test_init_model_without_weights_knows_the_classes(configs):
    model = init_model(
        load_config(configs / 'stage2.py'),
        cfg_options={'model.segmentor.decode_head.num_classes': 4})
    assert model.dataset_meta['classes'][2] == 'person'
    assert model.segmentor.decode_head.num_classes == 4


def test_config_without_a_model(tmp_path):
    file = tmp_path / 'c.py'
    file.write_text('a = 1')
    with pytest.raises(UsageError, match='expected a model'):
        init_model(file)
