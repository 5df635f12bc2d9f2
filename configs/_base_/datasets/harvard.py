# MRI with PET of the Harvard atlas; the model needs the same task. Layout:
# <root>/Harvard/{MRI_CT,MRI_PET,MRI_SPECT}/{MRI,CT|PET|SPECT}/NAME.png
# There is no official split: name one with ann_file, or train elsewhere.
import os

_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'Harvard')
task = 'mri_pet'  # or 'mri_ct', 'mri_spect'

# ======================= Rarely modified ===================================
dataset = dict(
    type='HarvardMedicalDataset',
    task=task,
    data_root=os.path.join(data_root, task.upper()))
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
del os
