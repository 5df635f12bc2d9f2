# M3FD, the 300 pairs for fusion. Layout:
# <root>/M3FD_Fusion/{Vis,Ir}/NAME.png
# There is no official split: name one with ann_file, or train elsewhere.
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/M3FD_Fusion'

# ======================= Rarely modified ===================================
dataset = dict(type='M3FDFusionDataset', data_root=data_root)
train_dataloader = dict(dataset=dataset)
fusion_dataloader = dict(dataset=dataset)
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
