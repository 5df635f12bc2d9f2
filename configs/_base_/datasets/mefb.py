# MEFB, 100 pairs of exposures. Layout, made by tools/dataset_converters/
# scene_folders.py: <root>/MEFB/{under,over}/NAME
# There is no official split: name one with ann_file, or train elsewhere.
import os

_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'MEFB')

# ======================= Rarely modified ===================================
dataset = dict(type='MEFBDataset', data_root=data_root)
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
val_evaluator = dict(
    preset='mef', metrics=['SF', 'VIF', 'Qabf', 'MEF_SSIM'])
test_evaluator = dict(preset='mef')
del os
