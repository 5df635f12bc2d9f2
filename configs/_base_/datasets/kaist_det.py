# KAIST in its 'reasonable' setting, by day and night. Make the JSONs with
#   python tools/dataset_converters/boxes_to_coco.py kaist data/kaist \
#       --max-occlusion 1
_base_ = './paired_det.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/kaist'
train_ann = 'annotations/train-all-02.json'
val_ann = 'annotations/test-all-20.json'
min_height = 55  # pixels; lower persons are ignored
bounds = (5, 5, 635, 507)  # x1, y1, x2, y2; likewise who reaches outside

# ======================= Rarely modified ===================================
dataset_type = 'KAISTDataset'
dataset = dict(type=dataset_type, data_root=data_root)
train_dataloader = dict(dataset=dict(ann_file=train_ann, **dataset))
val_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(ann_file=val_ann, **dataset))
val_evaluator = [
    dict(
        type='ConditionMetric',
        metric=dict(type='mmdet.CocoMetric', metric=['bbox'])),
    dict(
        type='ConditionMetric',
        metric=dict(
            type='MissRateMetric', min_height=min_height, bounds=bounds)),
]
test_evaluator = val_evaluator
