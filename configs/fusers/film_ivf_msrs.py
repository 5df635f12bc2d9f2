# FILM (ICML 2024) on MSRS with its texts, the authors' recipe. Their MIF
# weights are the same file as these: medical pairs need no other training.
_base_ = [
    '../_base_/models/film.py',
    '../_base_/datasets/vlf.py',
    '../_base_/schedules/film_81k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
# A training step of two pairs takes 16 GB in the authors' code; with_cp
# computes most of the forward pass twice and takes about a third of ours.
with_cp = False

# ============================= rarely modified ==============================
model = dict(fuser=dict(with_cp=with_cp))
# The first pairs of each epoch, as the authors' training draws them.
default_hooks = dict(
    checkpoint=dict(interval=541),
    strips=dict(type='TrainingStripHook'))
