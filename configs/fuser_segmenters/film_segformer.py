# FILM, guided by text, and SegFormer-B0, trained jointly on MSRS. Features of
# its texts come from tools/dataset_converters/make_text_features.py; of the
# mini scale's see fusers/film_ivf_msrs.py.
_base_ = [
    '../_base_/models/fuser_segformer.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
stage1_config = 'fusers/film_ivf_msrs.py'
stage1_checkpoint = 'work_dirs/film_ivf_msrs/iter_81150.pth'
train_features = 'data/text/MSRS_train.h5'
test_features = 'data/text/MSRS_test.h5'
fuser_lr_mult = 0.1  # the fuser is trained already: keep it near its start

# ============================ possibly modified =============================
model = dict(
    fuser=dict(
        type='FILMFusion',
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(film=dict(type='FILMLoss')))

# ============================= rarely modified ==============================
pair = dict(type='LoadFusionPair')
labels = dict(type='LoadFusionAnnotations')
pack = dict(type='PackFusionInputs')
train_text = dict(type='LoadTextFeatures', features=train_features)
test_text = dict(type='LoadTextFeatures', features=test_features)
train_pipeline = [
    pair,
    train_text,
    *(step for step in _base_.train_pipeline
      if step['type'] != 'LoadFusionPair'),
]
views = [_base_.tta_resizes, *_base_.tta_views]
tta_pipeline = [
    pair, test_text,
    dict(type='TestTimeAug', transforms=views)
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(pipeline=[pair, test_text, labels, pack]))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(pipeline=[pair, test_text, pack]))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(fuser=dict(lr_mult=fuser_lr_mult))))
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
small_train_text = dict(
    pipeline=dict(
        _after_=dict(
            LoadFusionPair=dict(
                train_text, features='data/text/seg_msrs9_train.h5'))))
small_text = dict(
    _after_=dict(
        LoadFusionPair=dict(
            test_text, features='data/text/seg_msrs9_val.h5')))
small_test = dict(dataset=dict(pipeline=small_text))
slim = dict(
    channels=8,
    token_dim=32,
    token_channels=8,
    num_heads=4,
    token_grid=(36, 48))
scales = dict(
    mini=dict(
        run_name='film_segformer_mini',
        model=dict(fuser=slim),
        train_dataloader=dict(dataset=small_train_text),
        val_dataloader=small_test,
        test_dataloader=small_test,
        fusion_dataloader=small_test,
        tta_pipeline=small_text))
