"""From synthetic scenes to a file of weights, by the commands of the docs."""
import hashlib

import torch

from mmfusion.utils.checkpoint import read_checkpoint, safetensors_meta


def test_default_recipe(call, tmp_path, capsys):
    data, run = tmp_path / 'data', tmp_path / 'run'
    assert call('dataset_converters/make_synthetic_rgbt.py', '--out', data,
                '--train', 2, '--val', 1, '--size', 64, 80, '--workers',
                0) in (0, None)
    train = ('train.py', 'configs/fusers/default_tasks.py', '--work-dir', run,
             '--cfg-options',
             f'train_dataloader.dataset.data_root={data}/train',
             f'val_dataloader.dataset.data_root={data}/val',
             'train_dataloader.num_workers=0', 'train_dataloader.batch_size=2',
             'train_dataloader.persistent_workers=False',
             'train_dataloader.dataset.pipeline.1.size=64',
             'train_cfg.max_iters=2', 'train_cfg.val_interval=2')
    assert call(*train) in (0, None)
    checkpoint, out = run / 'iter_2.pth', tmp_path / 'w.safetensors'
    flags = ('--config', 'fusers/default_tasks.py', '--data', 'synthetic')
    capsys.readouterr()
    assert call('model_converters/pack_weights.py', checkpoint, out,
                *flags) in (0, None)
    digest = capsys.readouterr().out.splitlines()[-1]
    assert digest == hashlib.sha256(out.read_bytes()).hexdigest()
    assert safetensors_meta(out)['iter'] == '2'
    trained = torch.load(checkpoint, weights_only=False)['state_dict']
    packed = read_checkpoint(out)
    assert packed and all(
        torch.equal(value, trained[key]) for key, value in packed.items())
    assert call('test_fusion.py', 'configs/fusers/default_tasks.py', out,
                '--task', 'mff', '--first', data / 'val/vis', '--second',
                data / 'val/ir', '--out-dir', tmp_path / 'out') in (0, None)
    assert len(list((tmp_path / 'out').glob('*.png'))) == 1


def test_no_fuser(call, tmp_path, capsys):
    torch.save(dict(state_dict=dict(a=torch.ones(1))), tmp_path / 'a.pth')
    flags = ('--config', 'c', '--data', 'd')
    assert call('model_converters/pack_weights.py', tmp_path / 'a.pth',
                tmp_path / 'w.safetensors', *flags) == 2
    assert 'fuser' in capsys.readouterr().err
