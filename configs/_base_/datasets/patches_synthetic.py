# Small patches of synthetic scenes. Make both:
#   python tools/dataset_converters/make_synthetic_rgbt.py
#   python tools/dataset_converters/make_patches.py data/patches/synthetic \
#       --vis data/synthetic_rgbt/train/vis \
#       --ir data/synthetic_rgbt/train/ir \
#       --size 64 --stride 128 --grey --format file
_base_ = './patches.py'

# ======================= Frequently modified ===============================
patch_root = 'data/patches/synthetic'
data_root = 'data/synthetic_rgbt/val'
data_prefix = dict(vis_path='vis', ir_path='ir')

# ======================= Rarely modified ===================================
train_dataloader = dict(dataset=dict(data_root=patch_root))
val_dataloader = dict(
    dataset=dict(data_root=data_root, data_prefix=data_prefix))
test_dataloader = val_dataloader
fusion_dataloader = val_dataloader
