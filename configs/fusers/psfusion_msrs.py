# PSFusion (Information Fusion 99, 2023) on MSRS, the authors' recipe: fusion
# with semantic, binary and boundary heads, trained in one stage.
_base_ = [
    '../_base_/models/psfusion.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/psfusion_677k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
data_root = _base_.data_root  # folder with train/ and test/
num_classes = 9
batch_size = 4  # pairs a process
# ResNet-34 weights for both encoders, e.g. torchvision's file; None trains
# from scratch, which the paper does not.
backbone_checkpoint = None

# ============================ possibly modified =============================
# What the fused image follows inside salient objects: 'vis' is what the
# released code computes, 'ir' (the loss's default) the evident intent.
salient_source = 'vis'

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(num_classes=num_classes),
    fusion_losses=dict(psfusion=dict(salient_source=salient_source)))
if backbone_checkpoint is not None:
    model['fuser']['backbone_init_cfg'] = dict(
        type='Pretrained', checkpoint=backbone_checkpoint)
train_dataloader = dict(
    batch_size=batch_size, dataset=dict(data_root=f'{data_root}/train'))
val_dataloader = dict(dataset=dict(data_root=f'{data_root}/test'))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(data_root=f'{data_root}/test'))
# Scores the built-in semantic head. Like the authors, on the test split:
# MSRS has no validation split, so the best checkpoint is chosen on it.
default_hooks = dict(checkpoint=dict(interval=5000, save_best='mIoU'))
# The loss's own default, not what the released code computes.
small = dict(
    model=dict(fusion_losses=dict(psfusion=dict(_drop_=['salient_source']))))
scales = dict(
    mini=dict(run_name='psfusion_mini', **small),
    synthetic=dict(run_name='psfusion_synthetic', **small))
