# Runtime of detection: boxes are merged in test-time augmentation.
_base_ = './default_runtime.py'

tta_model = dict(
    type='FuserDetTTAModel',
    tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.6), max_per_img=100))
short_runtime = dict(
    default_hooks=dict(
        checkpoint=dict(_drop_=['save_best'], interval=300),
        visualization=dict(draw=True, interval=5)))
runtime_scales = dict(mini=short_runtime, synthetic=short_runtime)
