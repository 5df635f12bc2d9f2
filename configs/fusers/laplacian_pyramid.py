# A fusion rule without weights, for pairs of any task: needs no checkpoint
# and no training. tools/test_fusion.py with --task, --first and --second.
_base_ = '../_base_/default_runtime.py'

model = dict(
    type='ImageFuser',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='LaplacianPyramidFuser'))
