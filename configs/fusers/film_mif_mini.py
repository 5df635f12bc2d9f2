# FILM, slim and short, on medical pairs, without texts.
_base_ = [
    '../_base_/models/film.py',
    '../_base_/models/film_slim.py',
    '../_base_/datasets/fusion_medical_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

model = dict(
    task='mri_pet',
    fuser=dict(missing_text='none', **_base_.slim),
    losses=dict(film=dict(target='max')))
