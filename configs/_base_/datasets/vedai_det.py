# VEDAI in 512x512. Make the JSONs with
#   python tools/dataset_converters/boxes_to_coco.py vedai data/VEDAI
_base_ = './paired_det.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/VEDAI'
train_ann = 'annotations/train.json'
val_ann = 'annotations/test.json'

# ======================= Rarely modified ===================================
dataset_type = 'VEDAIDataset'
dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dict(ann_file=train_ann, **dataset))
val_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
