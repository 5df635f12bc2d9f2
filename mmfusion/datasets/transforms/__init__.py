"""Transforms of pairs, each imported when it is first used."""
from mmfusion.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict(
        annotations='DeriveFusionMaps LoadFusionAnnotations',
        box_masks='DeriveBoxMask',
        fixed='FixedAugment',
        formatting='PackFusionInputs',
        geometric='Pad RandomCrop RandomCutOut RandomFlip RandomRotate '
        'RandomRotate90 Resize ResizeToCover',
        loading='LoadFusionPair',
        misalign='RandomMisalign flip_matrix',
        modality='OnModality',
        multi_image='CachedMixUp CachedMosaic CopyPaste CutOut Expand '
        'FixShapeResize MixUp Mosaic RandomAffine RandomErasing Rotate ShearX '
        'ShearY TranslateX TranslateY',
        resized_crop='RandomResizedCrop',
        sensor='ColorJitter RandomBlur RandomTone SensorNoise',
        teacher_feature='LoadTeacherFeature',
        text='LoadTextFeatures',
        views='SimulateViews',
    ))
