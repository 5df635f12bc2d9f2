# A slim FILM, guided by text, and SegFormer-B0, trained jointly.
_base_ = [
    '../_base_/models/psfusion_segformer.py',
    '../_base_/models/segformer_from_scratch.py',
    '../_base_/models/film_slim.py',
    '../_base_/datasets/seg_msrs9_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

stage1_config = 'fusers/film_ivf_mini.py'
stage1_checkpoint = 'work_dirs/film_ivf_mini/iter_600.pth'
train_features = 'data/text/seg_msrs9_train.h5'
val_features = 'data/text/seg_msrs9_val.h5'
model = dict(
    fuser=dict(
        _delete_=True,
        type='FILMFusion',
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint),
        **_base_.slim),
    fusion_losses=dict(_delete_=True, film=dict(type='FILMLoss')),
    segmentor=_base_.from_scratch)
train_dataloader = dict(
    dataset=dict(pipeline=[
        _base_.train_pipeline[0],
        dict(type='LoadTextFeatures', features=train_features),
        *_base_.train_pipeline[1:],
    ]))
test_text = dict(type='LoadTextFeatures', features=val_features)
test_pipeline = [
    _base_.test_pipeline[0], test_text, *_base_.test_pipeline[1:]
]
tta_pipeline = [
    _base_.tta_pipeline[0], test_text, *_base_.tta_pipeline[1:]
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(pipeline=[
        _base_.fusion_pipeline[0], test_text, *_base_.fusion_pipeline[1:]
    ]))
