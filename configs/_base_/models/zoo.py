# A published fuser by itself. `output_norm` and `output_rounding` are what
# its authors do with the image before they save it.
model = dict(
    type='ImageFuser',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    output_rounding='round')
