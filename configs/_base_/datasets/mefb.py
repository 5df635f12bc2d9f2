# MEFB, 100 pairs of exposures. Layout, made by tools/dataset_converters/
# scene_folders.py: <root>/MEFB/{under,over}/NAME
# There is no official split: name one with ann_file, or train elsewhere.
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/MEFB'

# ======================= Rarely modified ===================================
dataset = dict(type='MEFBDataset', data_root=data_root)
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
val_evaluator = dict(
    preset='mef', metrics=['SF', 'VIF', 'Qabf', 'MEF_SSIM'])
test_evaluator = dict(preset='mef')
# Ten pairs.
mini = dict(
    data_root='{{$MMFUSION_DATA:data}}/fusion_mef',
    data_prefix=dict(under_path='test/under', over_path='test/over'))
dataset_scales = dict(
    mini=dict(
        train_dataloader=dict(
            dataset=dict(pipeline=_base_.mini_steps, **mini)),
        val_dataloader=dict(dataset=mini),
        test_dataloader=dict(dataset=mini),
        fusion_dataloader=dict(dataset=mini)))
