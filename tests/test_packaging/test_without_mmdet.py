"""Fusion and segmentation without mmdet."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = '''
import sys
sys.modules['mmdet'] = None  # as if it were not installed
import mmfusion
from mmfusion.utils import has_detection
assert not has_detection()
'''
RUN = '''
import torch
from mmfusion.utils.config_file import load_config
from mmfusion.registry import DATASETS, MODELS
from tests.support.config_cases import demo_fusion_inputs, shrink_config
from mmfusion.utils import register_all_modules
register_all_modules()
torch.set_num_threads(1)
for name in ('fusers/transfuser6_avg_mfnet.py@synthetic',
             'fuser_segmenters/psfusion_segformer.py@synthetic'):
    cfg = shrink_config(load_config(name), (64, 64))
    model = MODELS.build(cfg.model).train()
    data = model.data_preprocessor(demo_fusion_inputs(2, (64, 64)), True)
    model.parse_losses(model(**data, mode='loss'))[0].backward()
    model.eval().test_step(demo_fusion_inputs(1, (64, 64)))
print('ok')
'''
DETECT = '''
from mmfusion.registry import DATASETS, MODELS, TRANSFORMS
for registry, name in ((MODELS, 'FuserDetector'), (MODELS,
                       'FuserDetTTAModel'), (DATASETS, 'PairedCocoDataset'),
                       (TRANSFORMS, 'Mosaic')):
    try:
        registry.build(dict(type=name, fuser=dict(type='AverageFuser'),
                            detector=dict(type='mmdet.RetinaNet'))
                       if name == 'FuserDetector' else dict(type=name))
    except ImportError as error:
        for words in ('make setup', 'pip install onedl-mmdetection'):
            assert words in str(error), (name, error)
    else:
        raise AssertionError(name)
print('ok')
'''
TOOL = '''
import runpy
sys.argv = ['train.py',
            'configs/fuser_detectors/joint_llvip.py', '--scale', 'synthetic',
            '--work-dir', sys.argv[1], '--cfg-options', 'detector=retinanet',
            'stage1_checkpoint=None', 'model.fuser.init_cfg=None']
runpy.run_path('tools/train.py', run_name='__main__')
'''
TESTS = '''
import pytest
sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[1]]))
'''


def run(code, *arguments, status=0, **variables):
    result = subprocess.run(
        [sys.executable, '-c', BLOCK + code, *map(str, arguments)], cwd=ROOT,
        env={
            **os.environ, 'PYTHONPATH': str(ROOT),
            'OMP_NUM_THREADS': '1',
            'MMFUSION_WITHOUT_DETECTION': '',
            **variables
        }, capture_output=True, text=True, timeout=300)
    assert result.returncode == status, result.stdout + result.stderr
    return result


def test_in_an_environment_without_mmdet():
    """Detection says what it lacks, and fusion works."""
    assert run(DETECT + RUN).stdout.splitlines().count('ok') == 2


def test_the_tool_says_how_to_install_it(tmp_path):
    error = run(TOOL, tmp_path, status=2).stderr
    assert 'pip install onedl-mmdetection' in error
    assert 'Traceback' not in error


def test_the_suite_leaves_detection_out_where_told_to():
    """And fails, with the way to install it, where it is only missing."""
    path = 'tests/test_functional/test_miss_rate.py'
    test = f'{path}::test_conditions_of_coco'
    lines = run(TESTS, path, MMFUSION_WITHOUT_DETECTION='1').stdout
    assert ' 1 deselected' in lines and 'skipped' not in lines
    lines = run(TESTS, test, status=1).stdout
    assert '"make setup"' in lines and 'make test DETECTION=0' in lines
