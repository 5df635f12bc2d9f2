# Ten pairs of exposures, for a CPU. Layout:
# <root>/fusion_mef/test/{under,over}/NAME
import os

_base_ = './paired_fusion_mini.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'fusion_mef')

# ======================= Rarely modified ===================================
dataset = dict(
    type='MEFBDataset',
    data_root=data_root,
    data_prefix=dict(under_path='test/under', over_path='test/over'))
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
val_evaluator = dict(
    preset='mef', metrics=['SF', 'VIF', 'Qabf', 'MEF_SSIM'])
test_evaluator = dict(preset='mef')
del os
