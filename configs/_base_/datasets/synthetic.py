# Synthetic street scenes, made by
#   python tools/dataset_converters/make_synthetic_rgbt.py
# Layout: data/synthetic_rgbt/{train,val}/{vis,ir,label}/NAME.png
_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = 'data/synthetic_rgbt'

# ======================= Rarely modified ===================================
dataset = dict(
    type='MFNetDataset',  # its nine classes
    data_prefix=dict(seg_map_path='label'))
train_dataloader = dict(
    dataset=dict(data_root=f'{data_root}/train', **dataset))
val_dataloader = dict(dataset=dict(data_root=f'{data_root}/val', **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(type=dataset['type'], data_root=f'{data_root}/val'))
