# FILM, slim and short, on pairs of focus depths, without texts.
_base_ = [
    '../_base_/models/film.py',
    '../_base_/models/film_slim.py',
    '../_base_/datasets/fusion_mff_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

model = dict(
    task='mff',
    fuser=dict(missing_text='none', **_base_.slim),
    losses=dict(film=dict(target='max')))
