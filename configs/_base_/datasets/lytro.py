# Lytro, 20 pairs of focus depths. Layout:
# <root>/LytroDataset/{NAME-A,NAME-B}.jpg
# There is no official split: name one with ann_file, or train elsewhere.
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/LytroDataset'

# ======================= Rarely modified ===================================
dataset = dict(type='LytroDataset', data_root=data_root)
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
val_evaluator = dict(preset='mff', metrics=['SF', 'VIF', 'Qabf', 'QY'])
test_evaluator = dict(preset='mff')
# Ten pairs.
mini = dict(
    data_root='{{$MMFUSION_DATA:data}}/fusion_mff',
    data_prefix=dict(near_path='test/a', far_path='test/b'),
    near_stem='{stem}',
    far_stem='{stem}')
dataset_scales = dict(
    mini=dict(
        train_dataloader=dict(
            dataset=dict(pipeline=_base_.mini_steps, **mini)),
        val_dataloader=dict(dataset=mini),
        test_dataloader=dict(dataset=mini),
        fusion_dataloader=dict(dataset=mini)))
