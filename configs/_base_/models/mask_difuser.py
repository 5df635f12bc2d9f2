# Mask-DiFuser (TPAMI 2025), a teacher. Needs weights with our names and a
# GPU; authors' files have other names and are not converted yet.
default_scope = 'mmfusion'
model = dict(type='ImageFuser', fuser=dict(type='MaskDiFuser'))
