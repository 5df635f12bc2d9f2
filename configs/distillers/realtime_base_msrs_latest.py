# The weights of the public code's latest version: half SSIM losses, gradient
# magnitudes, VGG features; all terms from the start.
_base_ = './realtime_base_msrs.py'

pix, ssim, grad, perc, feat = _base_.model.pairs
model = dict(
    pairs=[
        dict(pix, loss=dict(pix.loss, loss_weight=0.5)),
        dict(ssim, loss=dict(ssim.loss, loss_weight=2 * 0.5)),
        dict(
            grad,
            loss=dict(
                grad.loss, distance='sobel_magnitude', loss_weight=5.0)),
        # its perceptual term is always zero
        dict(feat, loss=dict(feat.loss, loss_weight=1.0)),
    ])
default_hooks = dict(
    loss_stages=dict(stages=[
        dict(begin=0, weights=dict(pix=1, ssim=1, grad=1, feat=1))
    ]))

del pix, ssim, grad, perc, feat
