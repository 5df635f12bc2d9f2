# Mask-DiFuser (TPAMI 2025), a teacher. Needs a GPU and the authors' weights,
# converted by tools/model_converters/convert.py --method mask_difuser.
default_scope = 'mmfusion'
model = dict(type='ImageFuser', fuser=dict(type='MaskDiFuser'))
