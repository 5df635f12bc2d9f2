"""Exported files remember which modality is what."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmfusion.apis import FusionInferencer, init_model
from mmfusion.apis.inferencer import task_of_model
from mmfusion.apis.pairs import match_folders
from mmfusion.deployment import compare_models, export_model, quantize
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.tasks import TASKS, FusionTask
from mmfusion.utils.errors import UsageError
from mmfusion.video import FusionStream

CUSTOM = FusionTask('sar', dict(sar=1, optic=3), 'sar', 'optic')


def wrapper(task, fuser='AverageFuser', **kwargs):
    torch.manual_seed(0)
    return ImageFuser(fuser=MODELS.build(dict(type=fuser)), task=task,
                      **kwargs).eval()


def images(task):
    rng = np.random.default_rng(0)
    return [
        cv2.blur(rng.integers(0, 256, (32, 48, count), np.uint8), (3, 3))
        for count in task.modalities.values()
    ]


@pytest.mark.parametrize('task', [*TASKS.values(), CUSTOM],
                         ids=lambda task: task.name)
def test_every_task(task, tmp_path):
    # with the 'bgr' formula, luminance is not that of the fused image
    model = wrapper(task)
    model.fuser.channel_order = 'bgr'
    export_model(model, tmp_path / 'a.onnx', opset=13, shape=(32, 48))
    infer = FusionInferencer(tmp_path / 'a.onnx')
    assert task_of_model(infer.model) == task
    pair = images(task)
    expected = FusionInferencer(model)(*pair)['fused'].astype(int)
    assert np.abs(expected - infer(*pair)['fused']).max() <= 1


def config(**model):
    return Config(dict(model=dict(type='ImageFuser', **model)))


def test_config_of_another_task(tmp_path):
    path = tmp_path / 'a.onnx'
    export_model(wrapper('mri_pet'), path, opset=13, shape=(32, 48))
    for good in (config(task='mri_pet'),
                 config(data_preprocessor=dict(
                     modalities=dict(mri=1, pet=3)))):
        assert init_model(good, path).roles.task == TASKS['mri_pet']
    for bad in (config(), config(task='mef'),
                config(task=dict(modalities=dict(mri=1, pet=3), visible='mri',
                                 colour='pet'))):
        with pytest.raises(UsageError, match="config of task 'mri_pet'"):
            init_model(bad, path)


def test_int8_and_its_accuracy(tmp_path):
    task = TASKS['mri_pet']
    model = wrapper(task, 'MMDRFuseStudent')
    for name, image in zip(task.modalities, images(task), strict=True):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / '1.png'),
                    cv2.resize(image, (192, 176)))
    pairs, _ = match_folders(*(tmp_path / name for name in task.modalities),
                             task.modalities)
    export_model(model, tmp_path / 'a.onnx', opset=13, shape=(176, 192))
    quantize(tmp_path / 'a.onnx', tmp_path / 'b.onnx', pairs)
    models = [init_model(tmp_path / f'{name}.onnx') for name in 'ab']
    assert models[1].roles.task == task
    result = compare_models(model, dict(a=models[0], b=models[1]), pairs)
    assert result['a']['max_difference'] < 1e-4
    assert result['b']['psnr_db'] > 15


def test_video_takes_colour_and_infrared_alone(tmp_path):
    with pytest.raises(UsageError, match='a colour and a grey stream'):
        FusionStream(wrapper('mri_pet'), tmp_path, tmp_path)
