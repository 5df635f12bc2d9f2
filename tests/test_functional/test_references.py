"""Every value of the reference implementations, one test a reference."""
from collections import defaultdict

import cv2
import numpy as np
import pytest
from PIL import Image

from mmfusion.evaluation import SourceContext, compute

#: columns of the TPAMI 2012 toolbox, MEFB and Tang's MATLAB files, as they
#: ran on grey images -> metric, relative tolerance
OCTAVE_GREY = dict(AG=('AG:vifb', 1e-6), CC=('CC', 1e-6),
                   MSE=('MSE:unit', 1e-6), PSNR=('PSNR:tang', 1e-6),
                   SCD=('SCD', 1e-6), SD=('SD', 1e-6), SF=('SF', 1e-6),
                   QCB=('QCB', 1e-6), QCV=('QCV', 1e-6), QG_liu=('QG', 1e-6),
                   QM=('QM', 1e-6), QP=('QP', 1e-6), QS=('QS', 5e-4),
                   QW=('QW', 1e-6), QW_edge=('QW:edges', 1e-6),
                   VIFF_han=('VIFF_han', 2e-5), VIFp_sum=('VIF', 1e-6))
OCTAVE_CROP = dict(MEF_MS_SSIM=('MEF_MS_SSIM', 1e-6),
                   MEF_SSIM=('MEF_SSIM', 1e-6), MI_tang=('MI:tang', 1e-6),
                   NMI=('NMI', 1e-6), Nabf=('Nabf',
                                            1e-6), Nabf_01=('Nabf:unit', 1e-6),
                   Nabf_swapped2023=('Nabf:tang2023', 1e-6), QSF=('QSF', 1e-6),
                   Qabf=('Qabf', 1e-6), Qncie=('NCIE', 1e-6),
                   TE_cvejic=('TE:liu', 1e-6), TE_nava=('TE_nava:liu', 1e-6))
OCTAVE_FMI = dict(FMI_dct=('FMI:dct', 1e-7),
                  FMI_gradient=('FMI:gradient', 1e-7), FMI_none=('FMI', 1e-7))
VIFB = dict(Cross_entropy='CE', Entropy='EN', Mutinf='MI', Psnr='PSNR',
            Avg_gradient='AG', Edge_intensity='EI', Qabf='Qabf', Variance='SD',
            Spatial_frequency='SF', Rmse='RMSE', Ssim='SSIM', Qcb='QCB',
            Qcv='QCV')
#: what float32 and a term in the logarithm cost Tang's Python file
TANG_PY = dict(EN=1e-6, SSIM=4e-2, MS_SSIM=6e-3, Nabf=1e-5)


def check(found, expected, tolerances):
    """Compare rows of values; the message names the worst."""
    assert expected
    errors = {
        (row, name):
        abs(found[row][name] - value) / max(abs(value), 1e-12) /
        tolerances[name] for row, values in expected.items()
        for name, value in values.items()
    }
    worst = max(errors, key=errors.get)
    assert errors[worst] <= 1, (worst, errors[worst] * tolerances[worst[1]],
                                found[worst[0]][worst[1]],
                                expected[worst[0]][worst[1]])


def wide(rows, columns, **where):
    """``{(pair, method): {metric: value}}`` of a table in long format."""
    table = defaultdict(dict)
    for row in rows:
        if row['metric'] in columns and all(row[key] == value
                                            for key, value in where.items()):
            key = row['pair'], row['method']
            table[key][row['metric']] = float(row['value'])
    return table


def measure(images, columns, **options):
    """``{(pair, method): {heading: value}}`` of ``{heading: metric}``."""
    found, scenes = {}, {}
    for (pair, method), (fused, *sources) in images.items():
        scene = scenes.setdefault(pair, SourceContext(sources))
        values = compute(fused, scene, metrics=list(columns.values()),
                         **options)
        found[pair, method] = dict(zip(columns, values.values(), strict=True))
    return found


def read_opencv(path):
    """Grey image as FILM and CDDFuse read it."""
    image = cv2.imread(str(path)).astype(np.float32)
    return np.rint(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)).astype(np.uint8)


def read_pillow(path):
    """Grey image as Metric_Python reads it."""
    return np.array(Image.open(path).convert('L'))


def read_rgb(path):
    """Colour image."""
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def vifb_images(oracle, read):
    """``{(pair, method): [fused, ir, vis]}`` of the colour files."""
    images = {}
    for path in sorted((oracle / 'fused').glob('*.jpg')):
        pair, method = path.stem.split('_')
        images[pair, method] = [
            read(path),
            read(oracle / 'ir' / f'{pair}.jpg'),
            read(oracle / 'vi' / f'{pair}.jpg')
        ]
    return images


@pytest.mark.parametrize('evaluator,preset', [
    ('IF_FILM', 'film'),
    ('CDDFuse', 'cddfuse'),
])
def test_film_and_cddfuse(oracle, read_table, evaluator, preset):
    """FILM's evaluator, and CDDFuse's, which MMDRFuse shares."""
    rows = read_table('python_evaluators.csv')
    names = [
        'EN', 'SD', 'SF', 'AG', 'MI', 'MSE', 'CC', 'PSNR', 'SCD', 'Qabf',
        'SSIM'
    ]
    columns = dict({name: name for name in names}, VIFF='VIF')
    check(
        measure(vifb_images(oracle, read_opencv), columns, preset=preset),
        wide(rows, columns, evaluator=evaluator),
        # their float32 leaves 2.7e-5 in an SSIM of tiny constants
        dict(dict.fromkeys(columns, 1e-6),
             SSIM=3e-5 if evaluator == 'CDDFuse' else 1e-6))


def test_tang_python(oracle, read_table):
    """Metric_Python."""
    rows = read_table('python_evaluators.csv')
    names = 'EN SD SF AG MI MSE CC PSNR SCD VIF Qabf Nabf SSIM MS_SSIM'
    columns = {name: name for name in names.split()}
    check(measure(vifb_images(oracle, read_pillow), columns, preset='tang_py'),
          wide(rows, columns, evaluator='Tang_Metric_Python'),
          {name: TANG_PY.get(name, 1e-6) for name in columns})


def test_tang_matlab_2022(oracle, read_table):
    """The published sheet of TNO, integer overflow and all."""
    rows = read_table('tno/tang2022_matlab.csv')
    names = [
        'EN', 'SF', 'SD', 'PSNR', 'MSE', 'MI', 'VIF', 'AG', 'CC', 'SCD', 'Qabf'
    ]
    images = {
        (row['name'], row['method']): [
            read_rgb(oracle / 'tno' / row[kind])
            for kind in ('fused', 'ir', 'vi')
        ] for row in rows
    }
    check(
        measure(images, {name: name for name in names}, preset='tang2022'), {
            (row['name'], row['method']): {
                name: float(row[name]) for name in names
            } for row in rows
        }, dict.fromkeys(names, 1e-7))


def test_vifb_matlab(oracle, read_table):
    """The thirteen of VIFB, of colour channels."""
    rows = [
        row for row in read_table('vifb_matlab.csv')
        if row['fused_file_differs_from_evaluated'] == '0'
    ]
    images = vifb_images(oracle, read_rgb)
    check(
        measure(images, VIFB, preset='vifb'), {
            (row['pair'], row['method']): {
                name: float(row[name]) for name in VIFB
            } for row in rows
        }, dict.fromkeys(VIFB, 6e-5))


@pytest.mark.parametrize('table,folder,columns', [
    ('octave_grey.csv', 'gray', OCTAVE_GREY),
    ('octave_crop96.csv', 'gray_crop', OCTAVE_CROP),
], ids=['grey', 'crop'])
def test_octave(triplets, read_table, table, folder, columns):
    """Reference MATLAB files, run by Octave."""
    check(
        measure(triplets(folder), {
            head: key for head, (key, _) in columns.items()
        }), wide(read_table(table), columns), {
            head: tolerance for head, (_, tolerance) in columns.items()
        })


def test_octave_fmi(triplets, read_table):
    """FMI on the central 40 x 40 pixels."""
    images = {
        key: [np.ascontiguousarray(image[28:68, 28:68]) for image in item]
        for key, item in triplets('gray_crop').items()
    }
    check(
        measure(images, {
            head: key for head, (key, _) in OCTAVE_FMI.items()
        }), wide(read_table('octave_crop96.csv'), OCTAVE_FMI), {
            head: tolerance for head, (_, tolerance) in OCTAVE_FMI.items()
        })
