# What VGG-16 adds to the real-time student's losses:
#   model = dict(pairs=[*_base_.model.pairs, *_base_.vgg_pairs])
#   default_hooks = dict(loss_stages=dict(
#       _base_.loss_stages, stages=[*_base_.stages, _base_.vgg_stage]))

# =========================== frequently modified ============================
# torchvision's vgg16 file, see docs/realtime.md
vgg_checkpoint = 'data/weights/vgg16-397923af.pth'

# ============================= rarely modified ==============================
features = dict(
    type='VGGFeatures',
    depth=16,
    taps=('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3'),
    normalize=True,
    init_cfg=dict(type='Pretrained', checkpoint=vgg_checkpoint))
vgg_pairs = [
    dict(
        name='perc',
        student='fused',
        teacher='fused',
        loss=dict(
            type='PerceptualDistance',
            features=features,
            taps=('relu2_2', 'relu3_3', 'relu4_3'),
            loss_weight=0.1)),
    # features of the images; of a teacher network's layers instead, see
    # docs/realtime.md
    dict(
        name='feat',
        student='fused',
        teacher='fused',
        loss=dict(
            type='PerceptualDistance',
            features=features,
            taps=('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3'),
            loss_weight=0.5)),
]
# epoch 40 of 120
vgg_stage = dict(
    begin=1 / 3, weights=dict(pix=1, ssim=1, grad=1, perc=1, feat=1))
