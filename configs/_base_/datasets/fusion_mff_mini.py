# Ten pairs of focus depths, for a CPU. Layout:
# <root>/fusion_mff/test/{a,b}/NAME.jpg
import os

_base_ = './paired_fusion_mini.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'fusion_mff')

# ======================= Rarely modified ===================================
dataset = dict(
    type='LytroDataset',
    data_root=data_root,
    data_prefix=dict(near_path='test/a', far_path='test/b'),
    near_stem='{stem}',
    far_stem='{stem}')
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
val_evaluator = dict(preset='mff', metrics=['SF', 'VIF', 'Qabf', 'QY'])
test_evaluator = dict(preset='mff')
del os
