# MMDRFuse's student of 113 weights (ACM MM 2024) on patches of LLVIP, the
# authors' recipe. Needs VGG-19 weights; mmdrfuse_student_novgg_llvip.py does
# without.
_base_ = [
    './mmdrfuse_student_novgg_llvip.py',
    '../_base_/models/mmdrfuse_vgg.py',
]

# =========================== frequently modified ============================
# The teacher: trained by --two-stage, or the authors' own through
# tools/model_converters/convert.py --method mmdrfuse.
stage1_config = 'fusers/mmdrfuse_teacher_llvip.py'
stage1_checkpoint = 'work_dirs/mmdrfuse_teacher_llvip/iter_6400.pth'
# nodistill, nogradient, nointensity, noperception, norefresh: without that
ablation = 'none'

# ============================= rarely modified ==============================
run_name = 'mmdrfuse_student_llvip{suffix}'  # the folder in work_dirs
model = dict(
    teacher=dict(
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(_base_.vgg_losses, perception=dict(
        _base_.vgg_losses.perception, loss_weight=2.0)))
choices = dict(
    ablation=dict(
        noperception=dict(
            suffix='_noperception',
            model=dict(fusion_losses=dict(_drop_=['perception'])))))
scales = None  # mmdrfuse_student_novgg_llvip.py has them
