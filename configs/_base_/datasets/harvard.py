# MRI with PET of the Harvard atlas; the model needs the same task. Layout:
# <root>/Harvard/{MRI_CT,MRI_PET,MRI_SPECT}/{MRI,CT|PET|SPECT}/NAME.png
# There is no official split: name one with ann_file, or train elsewhere.
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/Harvard'
task = 'mri_pet'  # or 'mri_ct', 'mri_spect'

# ======================= Rarely modified ===================================
dataset = dict(
    type='HarvardMedicalDataset',
    task=task,
    data_root=f'{data_root}/{task.upper()}')
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
# Seven pairs of each kind. One network learns from all; CT counts as a colour
# image without colour.
mini_root = '{{$MMFUSION_DATA:data}}/fusion_medical'
mini = {
    name: dict(
        type='HarvardMedicalDataset',
        task=name,
        data_root=f'{mini_root}/{name}',
        data_prefix={
            'mri_path': 'mri',
            f'{name[4:]}_path': name[4:]
        })
    for name in ('mri_ct', 'mri_pet', 'mri_spect')
}
coloured_ct = dict(metainfo=dict(modalities=dict(mri=1, ct=3)))
mini_pipeline = [
    {**step, **_base_.mini_steps.get(step['type'], {})}
    for step in _base_.train_pipeline
]
dataset_scales = dict(
    mini=dict(
        train_dataloader=dict(
            dataset=dict(
                _drop_=True,
                type='ConcatDataset',
                ignore_keys=['modalities', 'task'],
                datasets=[
                    dict(pipeline=mini_pipeline, **pair, **extra)
                    for pair, extra in ((mini['mri_ct'], coloured_ct),
                                        (mini['mri_pet'], {}),
                                        (mini['mri_spect'], {}))
                ])),
        val_dataloader=dict(dataset=mini[task]),
        test_dataloader=dict(dataset=mini[task]),
        fusion_dataloader=dict(dataset=mini[task])))
