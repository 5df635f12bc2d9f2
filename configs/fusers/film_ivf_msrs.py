# FILM (ICML 2024) on MSRS with its texts, the authors' recipe. Their MIF
# weights are the same file as these: medical pairs need no other training.
# The mini scale is guided by captions that come from a small set's labels.
# Make their features first:
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
    '../_base_/datasets/vlf.py',
    '../_base_/schedules/film_81k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
# A training step of two pairs takes 16 GB in the authors' code; with_cp
# computes most of the forward pass twice and takes about a third of ours.
with_cp = False

# ============================= rarely modified ==============================
model = dict(fuser=dict(with_cp=with_cp))
# The first pairs of each epoch, as the authors' training draws them.
default_hooks = dict(
    checkpoint=dict(interval=541),
    strips=dict(type='TrainingStripHook'))

mini_train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadTextFeatures', features='data/text/seg_msrs9_train.h5'),
    dict(type='Resize', scale=(320, 240), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(96, 128)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFusionInputs'),
]
mini_test = dict(
    dataset=dict(
        data_prefix=dict(seg_map_path=None),
        pipeline=[
            dict(type='LoadFusionPair'),
            dict(
                type='LoadTextFeatures',
                features='data/text/seg_msrs9_val.h5'),
            dict(type='PackFusionInputs'),
        ]))
scales = dict(
    mini=dict(
        run_name='film_ivf_mini',
        _base_='mmfusion::_base_/datasets/seg_msrs9.py',
        train_dataloader=dict(
            dataset=dict(
                data_prefix=dict(seg_map_path=None),
                pipeline=mini_train_pipeline)),
        val_dataloader=mini_test,
        test_dataloader=mini_test,
        fusion_dataloader=mini_test,
        # nothing to score: validation draws fused images only
        val_evaluator=[],
        test_evaluator=[],
        default_hooks=dict(_drop_=['strips'])))
