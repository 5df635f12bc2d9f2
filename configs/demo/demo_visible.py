# make demo: the same SegFormer-B0 on the visible image alone.
_base_ = './demo_joint.py'

stage1_config = None
stage1_checkpoint = None
model = dict(
    fuser=dict(_delete_=True, type='SelectModality', modality='vis'),
    fusion_losses=None)
