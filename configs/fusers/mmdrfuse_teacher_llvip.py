# MMDRFuse's teacher (ACM MM 2024) on patches of LLVIP, the authors' recipe.
# Needs VGG-19 weights; mmdrfuse_teacher_novgg_llvip.py does without.
_base_ = [
    '../_base_/models/mmdrfuse_teacher.py',
    '../_base_/models/mmdrfuse_vgg.py',
    '../_base_/datasets/patches.py',
    '../_base_/schedules/mmdrfuse_6400.py',
    '../_base_/default_runtime.py',
]

model = dict(fusion_losses=_base_.vgg_losses)
default_hooks = dict(checkpoint=dict(interval=640))
