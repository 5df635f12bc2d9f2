"""Data sets and transforms, each imported when it is first used."""
from mmfusion.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {
        'mmfusion.fileio':
        'FileRule natural_key',
        **dict(
            distill='FusionDistillDataset',
            h5_dataset='FusionH5Dataset',
            paired_dataset='PairedImageDataset',
            patches='PatchFileDataset',
            samplers='DeterministicEpochSampler DeterministicSampler '
            'DrawIndex draw_seed',
            sets='FMBDataset HarvardMedicalDataset LLVIPFusionDataset '
            'LytroDataset M3FDFusionDataset MEFBDataset MFNetDataset '
            'MSRSDataset RealMFFDataset RoadSceneDataset SICEDataset '
            'TNODataset',
        )
    })
