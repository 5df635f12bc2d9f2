# make demo: the fuser keeps its stage-1 weights, only SegFormer-B0 trains.
_base_ = './demo_joint.py'

model = dict(fuser_frozen=True)
