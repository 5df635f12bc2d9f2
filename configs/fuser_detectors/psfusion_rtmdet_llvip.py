# PSFusion and RTMDet on LLVIP: the name without a size means tiny.
_base_ = './psfusion_rtmdet-tiny_llvip.py'
