# Fifty pairs of RoadScene, for a CPU. Layout:
# <root>/fusion_roadscene/test/{vi,ir}/NAME.jpg
import os

_base_ = './paired_fusion_mini.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'fusion_roadscene')

# ======================= Rarely modified ===================================
dataset = dict(
    type='RoadSceneDataset',
    data_root=data_root,
    data_prefix=dict(vis_path='test/vi', ir_path='test/ir'))
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
del os
