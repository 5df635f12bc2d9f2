# TNO, grey pairs. Layout, made by tools/dataset_converters/
# scene_folders.py: <root>/TNO/{vis,ir}/NAME
# There is no official split: name one with ann_file, or train elsewhere.
import os

_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'TNO')

# ======================= Rarely modified ===================================
dataset = dict(type='TNODataset', data_root=data_root)
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
del os
