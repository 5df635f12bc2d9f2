# For comparison: the fuser keeps its stage-1 weights, SegFormer-B0 trains.
_base_ = './psfusion_segformer_mini.py'

model = dict(fuser_frozen=True)
