# FILM on pairs of focus depths, with the loss of infrared and visible pairs.
# Whether the authors' weights came from just that is not known.
_base_ = './film_ivf_msrs.py'

train_dataloader = dict(dataset=dict(h5_file='data/VLF/RealMFF_train.h5'))
val_dataloader = dict(dataset=dict(h5_file='data/VLF/RealMFF_test.h5'))
test_dataloader = val_dataloader
fusion_dataloader = val_dataloader
scales = None  # mff_realmff.py has a small one, without texts
