# IFCNN (Information Fusion 54, 2020), any number of images of any task. The
# authors train on multi-focus pairs made of NYU-D2, with the sharp image as
# target; weights of the terms and schedule are unknown, so these are ours.
# The frozen first layer is that of a ResNet-101: start from converted weights
# (--cfg-options load_from=FILE).
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
# 'max': infrared and medical pairs as VIF-Benchmark fuses them; 'grey': the
# same as the authors do; 'colour': any stack of colour images in focus;
# 'exposure': stacks of exposures, with the weights IFCNN-MEAN; 'sum'.
recipe = 'max'

# ============================= rarely modified ==============================
model = dict(
    # VIF-Benchmark takes the grey of RGB images by OpenCV's BGR weights.
    fuser=dict(
        type='IFCNN', grey_order='bgr', colour_formula='png+pillow'),
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='GradientLoss', joint=True)))
choices = dict(
    recipe=dict(
        max=dict(),
        grey=dict(
            model=dict(
                output_colour='grey',
                fuser=dict(normalize='none', grey_order='rgb'))),
        colour=dict(
            model=dict(
                task='mff',
                output_rounding='trunc',
                fuser=dict(
                    colour=True,
                    grey_order=None,
                    colour_formula='project')),
            _base_='mmfusion::_base_/datasets/lytro.py'),
        exposure=dict(
            model=dict(
                task='mef',
                output_norm='clahe',
                fuser=dict(
                    rule='mean',
                    normalize='none',
                    grey_order='rgb',
                    colour_formula='pillow_planes+opencv')),
            _base_='mmfusion::_base_/datasets/sice.py'),
        sum=dict(model=dict(fuser=dict(rule='add')))))
run_name = 'ifcnn_{recipe}'  # the folder in work_dirs
scales = dict(mini=dict(run_name='ifcnn_{recipe}_mini'))
