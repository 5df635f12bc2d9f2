"""Config files of older releases: which form, scale and choices they were.

Kept for one release, then deleted with its use in :mod:`.config_file`.
"""
import re

#: (form, scale, choices)
Former = tuple[str, str | None, dict]

#: folder and stem of the former file -> form, with its folder where that is
#: another, scale, choices
FORMER: dict[str, Former] = {
    'fusers/film_ivf_mini': ('film_ivf_msrs', 'mini', {}),
    'fusers/mmdrfuse_student_llvip_mini':
    ('mmdrfuse_student_alone_llvip', 'mini', {}),
    'fusers/mmdrfuse_student_synthetic':
    ('mmdrfuse_student_alone_mfnet', 'synthetic', {}),
    'fusers/psfusion_llvip_mini': ('psfusion_llvip', 'mini', {}),
    'fusers/transfuser6_llvip_mini': ('transfuser6_llvip', 'mini', {}),
    **{
        f'fusers/{fuser}_{task}_mini': (form, 'mini', dict(fuser=fuser))
        for task, form in dict(mef='mef_sice', mff='mff_realmff',
                               mif='mif_harvard').items()
        for fuser in ('transfuser6', 'mmdrfuse_student', 'film')
    },
    **{
        f'{folder}/{name}_{scale}': (form, scale, choices)
        for scale in ('mini', 'synthetic')
        for folder, name, form, choices in (
            ('fusers', 'psfusion', 'psfusion_msrs', {}),
            ('fusers', 'transfuser6', 'transfuser6_avg_mfnet', {}),
            ('fusers', 'mmdrfuse_teacher_novgg',
             'mmdrfuse_teacher_novgg_llvip', {}),
            ('fuser_segmenters', 'bffr_segformer', 'bffr_segformer', {}),
            ('fuser_segmenters', 'film_segformer', 'film_segformer', {}),
            ('fuser_segmenters', 'psfusion_segformer', 'psfusion_segformer',
             {}),
            ('fuser_segmenters', 'psfusion_segformer_ema',
             'psfusion_segformer', dict(variant='ema')),
            ('fuser_segmenters', 'psfusion_segformer_frozen',
             'psfusion_segformer', dict(variant='frozen')),
            ('fuser_segmenters', 'visible_segformer', 'psfusion_segformer',
             dict(variant='visible')),
            ('fuser_segmenters', 'infrared_segformer', 'psfusion_segformer',
             dict(variant='infrared')),
            ('fuser_segmenters', 'psfusion_pspnet', 'psfusion_pspnet', {}),
            ('fuser_segmenters', 'transfuser6_bisenetv2',
             'transfuser6_bisenetv2', {}),
            ('distillers', 'mmdrfuse_student_novgg',
             'mmdrfuse_student_novgg_llvip', {}),
            ('distillers', 'realtime_tiny', 'realtime_tiny', {}),
            ('distillers', 'realtime_tiny_registration',
             'realtime_tiny_registration', {}),
            ('distillers', 'realtime_mobilenetv3', 'realtime_tiny',
             dict(backbone='mobilenetv3')),
            ('distillers', 'realtime_tiny_from_psfusion',
             'realtime_tiny_from_psfusion', {}),
            ('distillers', 'mmdrfuse_student_from_transfuser6',
             'mmdrfuse_student_from_transfuser6', {}),
            ('distillers', 'transfuser6_from_psfusion',
             'transfuser6_from_psfusion', {}),
        )
    },
    **{
        f'distillers/mmdrfuse_student_llvip_{ablation}':
        ('mmdrfuse_student_llvip', None, dict(ablation=ablation))
        for ablation in ('nodistill', 'nogradient', 'nointensity',
                         'noperception', 'norefresh')
    },
    **{
        f'distillers/mmdrfuse_student_novgg_mini_{ablation}':
        ('mmdrfuse_student_novgg_llvip', 'mini', dict(ablation=ablation))
        for ablation in ('nodistill', 'norefresh', 'nodistill_norefresh')
    },
    **{
        f'distillers/realtime_{size}_msrs':
        ('realtime_base_msrs', None, dict(size=size))
        for size in ('small', 'tiny')
    },
    **{
        f'demo/demo_{variant}': ('demo_joint', None, dict(variant=variant))
        for variant in ('frozen', 'visible', 'infrared')
    },
    'models/laplacian_pyramid': ('fusers/laplacian_pyramid', None, {}),
    'models/ddfm_gaussian':
    ('_base_/models/ddfm', None, dict(prior='gaussian')),
    'distillers/realtime_base_msrs_latest':
    ('realtime_base_msrs', None, dict(losses='latest')),
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
