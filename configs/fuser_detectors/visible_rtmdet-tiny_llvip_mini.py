# For comparison: the same RTMDet-tiny on the visible image alone.
_base_ = './mmdrfuse_student_rtmdet-tiny_llvip_mini.py'

stage1_config = None
stage1_checkpoint = None
model = dict(
    fuser=dict(_delete_=True, type='SelectModality', modality='vis'),
    fusion_losses=None)
