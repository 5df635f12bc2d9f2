# What VGG-19 adds to MMDRFuse's losses: `model = dict(fusion_losses=
# _base_.vgg_losses)`. One network serves all three and is in no checkpoint.

# =========================== frequently modified ============================
# torchvision's vgg19 file, see docs/distillation.md
vgg_checkpoint = 'data/weights/vgg19-dcbb9e9d.pth'

# ============================= rarely modified ==============================
features = dict(
    type='VGGFeatures',
    depth=19,
    init_cfg=dict(type='Pretrained', checkpoint=vgg_checkpoint))
vgg_losses = dict(
    perception=dict(type='MaxPerceptualLoss', features=features),
    refresh_ssim=dict(features=features, taps=('relu4_4', 'relu5_4')),
    refresh_gmsd=dict(
        features=features, taps=('relu1_2', 'relu2_2', 'relu3_4')))
