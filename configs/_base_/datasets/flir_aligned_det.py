# FLIR-aligned. Make the JSONs with
#   python tools/dataset_converters/boxes_to_coco.py flir data/align
_base_ = './paired_det.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/align'
train_ann = 'annotations/train.json'
val_ann = 'annotations/validation.json'

# ======================= Rarely modified ===================================
dataset_type = 'FLIRAlignedDataset'
dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dict(ann_file=train_ann, **dataset))
val_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
