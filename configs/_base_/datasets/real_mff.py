# Real-MFF, 710 pairs of focus depths. Layout:
# <root>/RealMFF/{imageA/NAME_A,imageB/NAME_B}.png
# There is no official split: name one with ann_file, or train elsewhere.
import os

_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'RealMFF')

# ======================= Rarely modified ===================================
dataset = dict(type='RealMFFDataset', data_root=data_root)
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
val_evaluator = dict(preset='mff', metrics=['SF', 'VIF', 'Qabf', 'QY'])
test_evaluator = dict(preset='mff')
del os
