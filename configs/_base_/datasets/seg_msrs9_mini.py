# A small labelled set of real road scenes, sized for a CPU. Layout:
# <root>/seg_msrs9/{train,val}/{vi,ir,label}, images in any format, labels
# PNG of the nine MFNet classes with 255 ignored.
import os

_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'seg_msrs9')

# ======================= Rarely modified ===================================
dataset_type = 'MSRSDataset'
train_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=f'{data_root}/train'))
val_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=f'{data_root}/val'))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=f'{data_root}/val'))
del os
