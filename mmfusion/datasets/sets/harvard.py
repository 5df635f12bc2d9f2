"""Medical pairs: MRI with CT, PET or SPECT."""
from mmfusion.registry import DATASETS
from mmfusion.tasks import TASKS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class HarvardMedicalDataset(PairedImageDataset):
    """Pairs of the Whole Brain Atlas (Harvard), 256x256.

    The atlas is a web site; the field passes its slices on in folders of
    one kind of pair each, which is ``data_root``::

        MRI_CT/{MRI,CT}/NAME.png
        MRI_PET/{MRI,PET}/NAME.png
        MRI_SPECT/{MRI,SPECT}/NAME.png

    PET and SPECT are false-colour images, whose colour the fused image
    keeps; MRI and CT are grey.

    Args:
        task (str, optional): ``'mri_pet'`` (the default), ``'mri_ct'`` or
            ``'mri_spect'``.
        kwargs: See :class:`PairedImageDataset`.
    """
    METAINFO = TASKS['mri_pet'].meta
    PREFIX = dict(mri_path='MRI', ct_path='CT', pet_path='PET',
                  spect_path='SPECT')
