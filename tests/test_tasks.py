"""What a task says about its modalities, and what makes no sense."""
import subprocess
import sys

import pytest

from mmfusion.tasks import (TASKS, FusionTask, caption, channel_spans,
                            metric_order, task_of)


def test_the_four_tasks():
    modalities = {name: list(task.modalities) for name, task in TASKS.items()}
    assert modalities == dict(ivf=['vis', 'ir'], mri_ct=['mri', 'ct'],
                              mri_pet=['mri',
                                       'pet'], mri_spect=['mri', 'spect'],
                              mef=['under', 'over'], mff=['near', 'far'])
    colours = {name: task.colour for name, task in TASKS.items()}
    assert colours == dict(ivf='vis', mri_ct='grey', mri_pet='pet',
                           mri_spect='spect', mef='weighted', mff='weighted')
    # FILM's first input, our `ir`
    others = {name: task.other for name, task in TASKS.items()}
    assert others == dict(ivf='ir', mri_ct='mri', mri_pet='mri',
                          mri_spect='mri', mef='over', mff='near')


@pytest.mark.parametrize('name', TASKS)
def test_found_by_name_and_by_modalities(name):
    task = TASKS[name]
    assert FusionTask.of(name) is FusionTask.of(task) is task
    assert FusionTask.of(name.upper()) is task
    assert FusionTask.of(dict(modalities=dict(task.modalities))) == task
    assert task_of(task.modalities) == name
    assert task.meta == dict(task=name, modalities=dict(task.modalities))
    swapped = dict(reversed(list(task.modalities.items())))
    assert task_of(swapped) == 'custom'
    assert all(caption(modality) for modality in task.modalities)


@pytest.mark.parametrize('modalities, visible, colour', [
    (dict(a=1, b=1), 'a', 'grey'),
    (dict(a=1, b=3), 'b', 'b'),
    (dict(a=3, b=1), 'a', 'a'),
    (dict(a=3, b=3), 'a', 'weighted'),
])
def test_other_pairs(modalities, visible, colour):
    task = FusionTask.of(dict(modalities=modalities))
    assert task == FusionTask('custom', modalities, visible, colour)
    assert caption('a') == 'a'
    told = FusionTask.of(
        dict(modalities=modalities, name='mine', visible='b', colour='grey'))
    assert (told.name, told.visible, told.other) == ('mine', 'b', 'a')


def test_a_known_task_with_another_colour():
    task = FusionTask.of(dict(modalities=dict(under=3, over=3), colour='over'))
    assert task.visible == 'under' and task.colour == 'over'


@pytest.mark.parametrize('wrong, text', [
    ('weather', 'Expected a task of ivf, mri_ct'),
    (dict(), 'two modalities'),
    (dict(modalities=dict(a=3)), 'two modalities'),
    (dict(modalities=dict(a=3, b=2)), '1 or 3 channels'),
    (dict(modalities=dict(a=3, b=1), visible='c'), 'visible'),
    (dict(modalities=dict(a=3, b=1), colour='b'), 'three channels'),
    (dict(modalities=dict(a=3, b=1), colour='weighted'), 'weighted'),
    (dict(modalities=dict(a=3, b=1), hue='a'), 'hue'),
])
def test_what_is_no_task(wrong, text):
    with pytest.raises(ValueError, match=text):
        FusionTask.of(wrong)


def test_spans():
    assert channel_spans(dict(mri=1, pet=3)) == dict(mri=(0, 1), pet=(1, 4))


def test_metrics_take_infrared_first():
    assert metric_order(TASKS['ivf'].modalities) == ['ir', 'vis']
    assert metric_order(TASKS['mff'].modalities) == ['near', 'far']


def test_no_torch_for_the_command_line():
    code = 'import sys, mmfusion.tasks; print("torch" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True,
                          text=True, check=True)
    assert done.stdout.split()[-1] == 'False'
