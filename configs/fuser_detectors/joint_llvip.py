# A fuser and a detector, trained jointly on LLVIP: two lines choose which,
# here, in a config that inherits this one, or on the command line:
#   --cfg-options fuser=mmdrfuse_student detector=dino
_base_ = [
    '../_base_/models/fuser_rtmdet-tiny.py',
    '../_base_/models/joint_fusers.py',
    '../_base_/datasets/llvip_det.py',
    '../_base_/schedules/det_24k.py',
    '../_base_/det_runtime.py',
]

# =========================== frequently modified ============================
# transfuser6, mmdrfuse_student; visible, infrared, stacked: no fusion before
fuser = 'psfusion'
detector = 'rtmdet-tiny'  # faster-rcnn, retinanet, dino
training = 'joint'  # frozen: the fuser keeps its stage-1 weights

# ============================ possibly modified =============================
# A config of your own that changes the model of another detector or fuser
# than the first lists their files in its _base_, as this one does.
stage1_config = _base_.psfusion.stage1_config
stage1_checkpoint = _base_.psfusion.stage1_checkpoint
model = _base_.psfusion.model
fuser_scales = _base_.psfusion.fuser_scales
default_hooks = dict(checkpoint=dict(save_best='coco/bbox_mAP_50'))

# ============================= rarely modified ==============================
run_name = '{fuser}_{detector}{frozen}_llvip'  # the folder in work_dirs
frozen = ''
choices = dict(
    detector={
        name: dict(_base_=f'mmfusion::_base_/models/fuser_{name}.py')
        for name in ('rtmdet-tiny', 'faster-rcnn', 'retinanet', 'dino')
    },
    fuser=_base_.fusers,
    training=dict(
        joint=dict(),
        frozen=dict(frozen='_frozen', model=dict(fuser_frozen=True))))
scales = dict(
    mini=dict(run_name='{fuser}_{detector}{frozen}_llvip_mini'),
    synthetic=dict(run_name='{fuser}_{detector}{frozen}_synthetic'))
