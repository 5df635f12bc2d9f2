# MMDRFuse's student of 113 weights on patches of LLVIP, without the
# perceptual terms, which need VGG weights.
_base_ = [
    '../_base_/models/mmdrfuse_student.py',
    '../_base_/datasets/patches.py',
    '../_base_/schedules/mmdrfuse_6400.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
stage1_config = 'fusers/mmdrfuse_teacher_novgg_llvip.py'
stage1_checkpoint = 'work_dirs/mmdrfuse_teacher_novgg_llvip/iter_6400.pth'
# nodistill, nogradient, nointensity, norefresh: without that;
# nodistill_norefresh: without both
ablation = 'none'

# ============================= rarely modified ==============================
run_name = 'mmdrfuse_student_novgg_llvip{suffix}'  # the folder in work_dirs
suffix = ''
model = dict(
    teacher=dict(
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)))
default_hooks = dict(checkpoint=dict(interval=640))
small = dict(default_hooks=dict(checkpoint=dict(interval=320)))
scales = dict(
    mini=dict(run_name='mmdrfuse_student_novgg_mini{suffix}', **small),
    synthetic=dict(
        run_name='mmdrfuse_student_novgg_synthetic{suffix}', **small))

alone = dict(  # in place of a distiller
    _drop_=['teacher', 'student', 'init_from_teacher', 'pairs'],
    type='ImageFuser',
    fuser=dict(type='MMDRFuseStudent'))
no_teacher = dict(stage1_config=None, stage1_checkpoint=None)
no_refresh = dict(_drop_=['refresh_ssim', 'refresh_gmsd'])
choices = dict(
    ablation=dict(
        none=dict(),
        nodistill=dict(suffix='_nodistill', model=alone, **no_teacher),
        nogradient=dict(
            suffix='_nogradient',
            model=dict(fusion_losses=dict(_drop_=['gradient']))),
        nointensity=dict(
            suffix='_nointensity',
            model=dict(fusion_losses=dict(_drop_=['intensity']))),
        norefresh=dict(
            suffix='_norefresh', model=dict(fusion_losses=no_refresh)),
        nodistill_norefresh=dict(
            suffix='_nodistill_norefresh',
            model=dict(alone, fusion_losses=no_refresh),
            **no_teacher)))
