# LLVIP in its official split, as pairs to fuse; night streets. Layout:
# <root>/LLVIP/{visible,infrared}/{train,test}/NAME.jpg
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/LLVIP'

# ======================= Rarely modified ===================================
dataset = dict(type='LLVIPFusionDataset', data_root=data_root)
train_dataloader = dict(dataset=dict(split='train', **dataset))
fusion_dataloader = dict(dataset=dict(split='test', **dataset))
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
