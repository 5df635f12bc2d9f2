# Every method whose weights are at hand, for tools/analysis_tools/
# benchmark_methods.py, see docs/benchmark_methods.md: rules, the weights in
# the box, and what convert.py wrote to work_dirs/zoo/NAME.pth. What is not
# there is left out.
from pathlib import Path

weights = 'work_dirs/zoo'
ivf, medical, mef, mff = (['ivf'], ['mri_ct', 'mri_pet',
                                    'mri_spect'], ['mef'], ['mff'])
#: comes with its weights: config, tasks
shipped = {
    'default': ivf,
    'default_student': ivf,
    'default_tasks': medical + mef + mff
}
#: title -> config, name of the weights, tasks (of their papers)
published = {
    'SeAFusion': ('zoo/seafusion.py', 'seafusion', ivf),
    'DenseFuse': ('zoo/densefuse.py', 'densefuse', ivf),
    'U2Fusion': ('zoo/u2fusion.py', 'u2fusion', ivf + medical + mef + mff),
    'TarDAL': ('zoo/tardal.py', 'tardal', ivf),
    'IFCNN': ('zoo/ifcnn.py', 'ifcnn', ivf + medical + mff),
    'DIDFuse': ('zoo/didfuse.py', 'didfuse', ivf),
    'SAGE': ('zoo/sage.py', 'sage', ivf),
    'LRRNet': ('zoo/lrrnet.py', 'lrrnet', ivf),
    'AUIF': ('zoo/auif.py', 'auif', ivf),
    'DATFuse': ('zoo/datfuse.py', 'datfuse', ivf),
    'GIFNet': ('zoo/gifnet.py', 'gifnet', ivf + medical + mef + mff),
    'LUT-Fuse': ('zoo/lutfuse.py', 'lutfuse', ivf),
    'DeepFuse': ('zoo/deepfuse.py', 'deepfuse', mef),
    'MATR': ('zoo/matr.py', 'matr', medical),
    'MMDRFuse':
    ('distillers/mmdrfuse_student_llvip.py', 'mmdrfuse_student', ivf),
    'TransFuser6': ('fusers/transfuser6_avg_mfnet.py', 'transfuser6', ivf),
    'PSFusion': ('fusers/psfusion_msrs.py', 'psfusion', ivf),
}
methods = [
    f'baseline:{rule}'
    for rule in ('average', 'maximum', 'laplacian', 'guided')
]
methods += [
    dict(name=name, config=f'mmfusion::fusers/{name}.py', tasks=tasks)
    for name, tasks in shipped.items()
]
for name, (config, file, tasks) in published.items():
    checkpoint = f'{weights}/{file}.pth'
    if Path(checkpoint).is_file():
        methods.append(
            dict(name=name, config=f'mmfusion::{config}',
                 checkpoint=checkpoint, tasks=tasks))
