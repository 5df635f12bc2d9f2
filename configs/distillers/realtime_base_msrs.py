# The real-time student learns from the images of a teacher, e.g. Mask-DiFuser
# or DDFM, on MSRS. Needs VGG-16 weights; realtime_tiny.py does without.
_base_ = [
    '../_base_/models/realtime_base.py',
    '../_base_/models/realtime_vgg.py',
    '../_base_/datasets/distill.py',
    '../_base_/schedules/realtime_120e.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
size = 'base'  # small, tiny
losses = 'recipe'  # latest: the weights of the public code's latest version

# ============================= rarely modified ==============================
pairs = [*_base_.model.pairs, *_base_.vgg_pairs]
model = dict(pairs=pairs)
default_hooks = dict(
    loss_stages=dict(
        _base_.loss_stages, stages=[*_base_.stages, _base_.vgg_stage]),
    checkpoint=dict(
        interval=_base_.val_interval,
        save_best='distill/SSIM',
        rule='greater'))
# Half SSIM losses, gradient magnitudes, VGG features; all terms from the
# start. Its perceptual term is always zero.
latest = dict(
    pix=dict(loss_weight=0.5),
    ssim=dict(loss_weight=2 * 0.5),
    grad=dict(distance='sobel_magnitude', loss_weight=5.0),
    feat=dict(loss_weight=1.0))
run_name = 'realtime_{size}_msrs{suffix}'  # the folder in work_dirs
suffix = ''
choices = dict(
    size={
        name: dict(model=dict(student=dict(size=name)))
        for name in ('base', 'small', 'tiny')
    },
    losses=dict(
        recipe=dict(),
        latest=dict(
            suffix='_latest',
            model=dict(pairs=[
                dict(pair, loss=dict(pair.loss, **latest[pair.name]))
                for pair in pairs if pair.name in latest
            ]),
            default_hooks=dict(
                loss_stages=dict(stages=[
                    dict(begin=0, weights=dict.fromkeys(latest, 1))
                ])))))
