# make demo: the same SegFormer-B0 on the infrared image alone.
_base_ = './demo_visible.py'

model = dict(fuser=dict(modality='ir'))
