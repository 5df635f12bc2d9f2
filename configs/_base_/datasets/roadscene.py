# RoadScene, 221 pairs. Layout:
# <root>/RoadScene/{crop_LR_visible,cropinfrared}/NAME.jpg
# There is no official split: name one with ann_file, or train elsewhere.
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/RoadScene'

# ======================= Rarely modified ===================================
dataset = dict(type='RoadSceneDataset', data_root=data_root)
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
# Fifty pairs.
mini = dict(
    data_root='{{$MMFUSION_DATA:data}}/fusion_roadscene',
    data_prefix=dict(vis_path='test/vi', ir_path='test/ir'))
dataset_scales = dict(
    mini=dict(
        train_dataloader=dict(
            dataset=dict(pipeline=_base_.mini_steps, **mini)),
        val_dataloader=dict(dataset=mini),
        test_dataloader=dict(dataset=mini),
        fusion_dataloader=dict(dataset=mini)))
