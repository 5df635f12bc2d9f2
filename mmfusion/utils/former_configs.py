"""Config files of older releases: which form, scale and choices they were.

Kept for one release, then deleted with its use in :mod:`.config_file`.
"""
import re

#: (form, scale, choices)
Former = tuple[str, str | None, dict]

_BOTH = ('mini', 'synthetic')
#: folder, name before the scale, its scales, form, choices
_TWINS = (
    ('fusers', 'film_ivf', ('mini', ), 'film_ivf_msrs', {}),
    ('fusers', 'mmdrfuse_student_llvip', ('mini', ),
     'mmdrfuse_student_alone_llvip', {}),
    ('fusers', 'mmdrfuse_student', ('synthetic', ),
     'mmdrfuse_student_alone_mfnet', {}),
    ('fusers', 'mmdrfuse_teacher_novgg', _BOTH, 'mmdrfuse_teacher_novgg_llvip',
     {}),
    ('fusers', 'psfusion', _BOTH, 'psfusion_msrs', {}),
    ('fusers', 'psfusion_llvip', ('mini', ), 'psfusion_llvip', {}),
    ('fusers', 'transfuser6', _BOTH, 'transfuser6_avg_mfnet', {}),
    ('fusers', 'transfuser6_llvip', ('mini', ), 'transfuser6_llvip', {}),
    *(('fusers', f'{fuser}_{task}', ('mini', ), form, dict(fuser=fuser))
      for task, form in (('mef', 'mef_sice'), ('mff', 'mff_realmff'),
                         ('mif', 'mif_harvard'))
      for fuser in ('transfuser6', 'mmdrfuse_student', 'film')),
    ('fuser_segmenters', 'bffr_segformer', _BOTH, 'bffr_segformer', {}),
    ('fuser_segmenters', 'film_segformer', ('mini', ), 'film_segformer', {}),
    ('fuser_segmenters', 'psfusion_segformer', _BOTH, 'psfusion_segformer',
     {}),
    *(('fuser_segmenters', name,
       ('mini', ), 'psfusion_segformer', dict(variant=variant))
      for name, variant in (('psfusion_segformer_ema', 'ema'),
                            ('psfusion_segformer_frozen', 'frozen'),
                            ('visible_segformer', 'visible'),
                            ('infrared_segformer', 'infrared'))),
    *(('fuser_segmenters', name, ('synthetic', ), name, {})
      for name in ('psfusion_pspnet', 'transfuser6_bisenetv2')),
    ('distillers', 'mmdrfuse_student_novgg', _BOTH,
     'mmdrfuse_student_novgg_llvip', {}),
    ('distillers', 'realtime_tiny', _BOTH, 'realtime_tiny', {}),
    ('distillers', 'realtime_tiny_registration', _BOTH,
     'realtime_tiny_registration', {}),
    ('distillers', 'realtime_mobilenetv3', ('synthetic', ), 'realtime_tiny',
     dict(backbone='mobilenetv3')),
    *(('distillers', name, ('synthetic', ), name, {})
      for name in ('realtime_tiny_from_psfusion',
                   'mmdrfuse_student_from_transfuser6',
                   'transfuser6_from_psfusion')),
)
_STUDENT = 'mmdrfuse_student_llvip'
_NOVGG = 'mmdrfuse_student_novgg'
#: folder, name, form, with its folder where that is another, scale, choices
_OTHERS = (
    *(('distillers', f'{_STUDENT}_{name}', _STUDENT, None, dict(ablation=name))
      for name in ('nodistill', 'nogradient', 'nointensity', 'noperception',
                   'norefresh')),
    *(('distillers', f'{_NOVGG}_mini_{name}', f'{_NOVGG}_llvip', 'mini',
       dict(ablation=name))
      for name in ('nodistill', 'norefresh', 'nodistill_norefresh')),
    *(('distillers', f'realtime_{size}_msrs', 'realtime_base_msrs', None,
       dict(size=size)) for size in ('small', 'tiny')),
    ('distillers', 'realtime_base_msrs_latest', 'realtime_base_msrs', None,
     dict(losses='latest')),
    *(('demo', f'demo_{variant}', 'demo_joint', None, dict(variant=variant))
      for variant in ('frozen', 'visible', 'infrared')),
    ('models', 'laplacian_pyramid', 'fusers/laplacian_pyramid', None, {}),
    ('models', 'ddfm_gaussian', '_base_/models/ddfm', None,
     dict(prior='gaussian')),
)
#: folder and stem of the former file -> what it is today
FORMER: dict[str, Former] = {
    f'{folder}/{name}_{scale}': (form, scale, choices)
    for folder, name, scales, form, choices in _TWINS for scale in scales
} | {
    f'{folder}/{name}': (form, scale, choices)
    for folder, name, form, scale, choices in _OTHERS
}
DETECTOR = re.compile(r'fuser_detectors/([a-z0-9_]+)_(retinanet|faster-rcnn|'
                      r'rtmdet-tiny|rtmdet|dino)(_frozen)?_llvip')


def former_config(name: str) -> Former | None:
    """What to read in place of a file of an older release.

    Args:
        name (str): A path that does not exist; its last two parts count.

    Returns:
        tuple or None: Form, relative to ``configs``; scale, None for the
        full size; choices.
    """
    path = '/'.join(name.replace('\\', '/').split('/')[-2:])
    if not path.endswith('.py'):
        return None
    stem = path[:-len('.py')]
    if stem in FORMER:
        form, scale, choices = FORMER[stem]
        form = form if '/' in form else f'{stem.partition("/")[0]}/{form}'
        return f'{form}.py', scale, choices
    scale = None
    if stem.endswith('_synthetic'):
        stem, scale = f'{stem[:-len("_synthetic")]}_llvip', 'synthetic'
    elif stem.endswith('_mini'):
        stem, scale = stem[:-len('_mini')], 'mini'
    match = DETECTOR.fullmatch(stem)
    if match is None:
        return None
    fuser, detector, frozen = match.groups()
    detector = 'rtmdet-tiny' if detector == 'rtmdet' else detector
    return 'fuser_detectors/joint_llvip.py', scale, dict(
        fuser=fuser, detector=detector,
        **(dict(training='frozen') if frozen else {}))
