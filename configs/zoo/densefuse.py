# DenseFuse (IEEE TIP 28(5), 2019), an autoencoder. The authors train on
# MS-COCO, grey, in batches of two; this takes both images of pairs.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
weights = 'tensorflow'  # gave the published images; or 'pytorch'
ssim_weight = 10.  # authors: 1, 10, 100, 1000; that of the weights is unknown

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(
        type='DenseFuse', colour_formula='pillow', autoencoder=True),
    output_norm='minmax',
    fusion_losses=dict(
        autoencoder=dict(
            type='AutoencoderLoss',
            part='structure',
            scale=255.,
            ssim_weight=ssim_weight)))
train_dataloader = dict(batch_size=1)
pytorch = dict(
    model=dict(
        fuser=dict(rule='mean', new_first=False, last_act='relu'),
        output_norm='clamp',
        output_rounding='trunc'))
choices = dict(weights=dict(tensorflow=dict(), pytorch=pytorch))
run_name = 'densefuse_{weights}'  # the folder in work_dirs
scales = dict(mini=dict(run_name='densefuse_{weights}_mini'))
