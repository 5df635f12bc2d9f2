# For comparison: the fuser keeps its stage-1 weights, the detector trains.
_base_ = './mmdrfuse_student_rtmdet-tiny_llvip_mini.py'

model = dict(fuser_frozen=True)
