# DDFM (ICCV 2023) as released: nothing is trained. Needs the prior of
# OpenAI's guided-diffusion and a GPU.
_base_ = './ddfm_gaussian.py'

# =========================== frequently modified ============================
prior_checkpoint = 'data/weights/256x256_diffusion_uncond.pt'

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(
        num_steps=100,
        norm='minmax',
        denoiser=dict(
            _delete_=True, type='ADMUNet', checkpoint=prior_checkpoint)))
