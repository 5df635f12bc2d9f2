# FILM on pairs of exposures: the mean of both is the target. The authors'
# script has no other difference for this task; whether their weights came
# from it, and with what weights of the terms, is not known.
_base_ = './film_ivf_msrs.py'

model = dict(fusion_losses=dict(film=dict(target='mean')))
train_dataloader = dict(dataset=dict(h5_file='data/VLF/SICE_train.h5'))
val_dataloader = dict(dataset=dict(h5_file='data/VLF/SICE_test.h5'))
test_dataloader = val_dataloader
fusion_dataloader = val_dataloader
scales = None  # mef_sice.py has a small one, without texts
