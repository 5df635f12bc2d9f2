# DDFM (ICCV 2023) as released, a teacher: nothing is trained. Needs the
# prior of OpenAI's guided-diffusion and a GPU.

# =========================== frequently modified ============================
# 'gaussian': a prior that is a formula and needs no weights, to try the
# pipeline with: --cfg-options prior=gaussian
prior = 'diffusion'
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
choices = dict(
    prior=dict(
        diffusion=dict(),
        gaussian=dict(
            model=dict(
                fuser=dict(
                    num_steps=25,
                    norm='clamp',
                    denoiser=dict(
                        _drop_=True, type='GaussianPriorDenoiser'))))))
