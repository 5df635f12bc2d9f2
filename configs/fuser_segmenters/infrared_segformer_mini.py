# For comparison: the same SegFormer-B0 on the infrared image alone.
_base_ = './visible_segformer_mini.py'

model = dict(fuser=dict(modality='ir'))
