# A rule as a teacher: Laplacian pyramids. Needs no weights.
default_scope = 'mmfusion'
model = dict(type='ImageFuser', fuser=dict(type='LaplacianPyramidFuser'))
