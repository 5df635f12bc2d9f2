# LLVIP with boxes: pedestrians at night. Make the JSONs with
#   python tools/dataset_converters/boxes_to_coco.py llvip data/LLVIP
_base_ = './paired_det.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/LLVIP'
train_ann = 'annotations/train.json'
val_ann = 'annotations/test.json'
train_batch_size = 8  # pairs a process

# ======================= Rarely modified ===================================
dataset_type = 'LLVIPDetDataset'
dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(
    batch_size=train_batch_size,
    dataset=dict(ann_file=train_ann, **dataset))
val_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
# Small scales have sets and a recipe of their own.
dataset_scales = dict(
    mini=dict(_base_='mmfusion::_base_/datasets/det_llvip.py'),
    synthetic=dict(_base_='mmfusion::_base_/datasets/synthetic_det.py'))
