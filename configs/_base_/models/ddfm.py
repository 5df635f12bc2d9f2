# DDFM (ICCV 2023) as released, a teacher: nothing is trained. Needs the
# prior of OpenAI's guided-diffusion and a GPU.

# =========================== frequently modified ============================
prior_checkpoint = 'data/weights/256x256_diffusion_uncond.pt'
num_steps = 100

# ============================= rarely modified ==============================
default_scope = 'mmfusion'
model = dict(
    type='ImageFuser',
    fuser=dict(
        type='DDFM',
        num_steps=num_steps,
        norm='minmax',  # 'clamp' keeps brightness, for videos and mixed sets
        denoiser=dict(type='ADMUNet', checkpoint=prior_checkpoint)))
