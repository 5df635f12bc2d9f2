# FILM, slim and short, on a small real set, guided by captions that come
# from its labels. Make their features first:
#   L=$MMFUSION_DATA/seg_msrs9
#   for s in train val; do
#       python tools/dataset_converters/make_label_captions.py \
#           data/text/seg_msrs9_$s.json --vis $L/$s/vi --labels $L/$s/label
#       python tools/dataset_converters/make_text_features.py \
#           data/text/seg_msrs9_$s.json data/text/seg_msrs9_$s.h5 \
#           --encoder hash
#   done
_base_ = [
    '../_base_/models/film.py',
    '../_base_/models/film_slim.py',
    '../_base_/datasets/seg_msrs9_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

# =========================== frequently modified ============================
train_features = 'data/text/seg_msrs9_train.h5'
val_features = 'data/text/seg_msrs9_val.h5'
crop_size = (96, 128)

# ============================= rarely modified ==============================
model = dict(fuser=_base_.slim)
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadTextFeatures', features=train_features),
    dict(type='Resize', scale=_base_.scale, keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFusionInputs'),
]
test_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadTextFeatures', features=val_features),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map_path=None), pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(data_prefix=dict(seg_map_path=None), pipeline=test_pipeline))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
