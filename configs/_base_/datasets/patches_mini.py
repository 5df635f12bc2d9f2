# Small patches of twenty LLVIP pairs, scored on ten of RoadScene. Make them:
#   python tools/dataset_converters/make_patches.py data/patches/llvip_mini \
#       --vis $MMFUSION_DATA/det_llvip/train/vi \
#       --ir $MMFUSION_DATA/det_llvip/train/ir \
#       --size 64 --stride 128 --grey --format file
import os

_base_ = './patches.py'

# ======================= Frequently modified ===============================
patch_root = 'data/patches/llvip_mini'
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'fusion_roadscene_ref10')
data_prefix = dict(vis_path='vi', ir_path='ir')

# ======================= Rarely modified ===================================
train_dataloader = dict(dataset=dict(data_root=patch_root))
val_dataloader = dict(
    dataset=dict(data_root=data_root, data_prefix=data_prefix))
test_dataloader = val_dataloader
fusion_dataloader = val_dataloader
del os
