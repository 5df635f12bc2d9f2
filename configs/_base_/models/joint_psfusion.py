# PSFusion for a wrapper of detectors: `model = dict(fuser=_base_.fuser,
# fusion_losses=_base_.fusion_losses)`. Boxes stand in for masks; without
# label maps the semantic, binary and boundary terms are zero.
fuser = dict(type='PSFusion', fuse_only=True)
slim_fuser = dict(
    type='PSFusion', base_channels=8, depths=(1, 1, 1, 1), fuse_only=True)
fusion_losses = dict(
    psfusion=dict(
        type='PSFusionLoss', labels='optional', target_mask='boxes'))
