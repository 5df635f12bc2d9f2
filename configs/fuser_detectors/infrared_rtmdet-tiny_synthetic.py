# For comparison: the same RTMDet-tiny on the infrared image alone.
_base_ = './visible_rtmdet-tiny_synthetic.py'

model = dict(fuser=dict(modality='ir'))
