# MRI with CT, PET and SPECT, seven pairs each, for a CPU. One network learns
# from all; CT counts as a colour image without colour. Layout:
# <root>/fusion_medical/{mri_ct,mri_pet,mri_spect}/{mri,ct|pet|spect}/NAME.png
import os

_base_ = './paired_fusion_mini.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'fusion_medical')
task = 'mri_pet'  # what is validated and fused; 'mri_spect' goes, too

# ======================= Rarely modified ===================================
pairs = {
    name: dict(
        type='HarvardMedicalDataset',
        task=name,
        data_root=os.path.join(data_root, name),
        data_prefix={
            'mri_path': 'mri',
            f'{name[4:]}_path': name[4:]
        })
    for name in ('mri_ct', 'mri_pet', 'mri_spect')
}
coloured_ct = dict(metainfo=dict(modalities=dict(mri=1, ct=3)))
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys=['modalities', 'task'],
        datasets=[
            dict(pipeline=_base_.train_pipeline, **pair, **extra)
            for pair, extra in ((pairs['mri_ct'], coloured_ct),
                                (pairs['mri_pet'], {}),
                                (pairs['mri_spect'], {}))
        ]))
fusion_dataloader = dict(dataset=pairs[task])
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
del os
