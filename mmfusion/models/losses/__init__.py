"""Fusion losses: pure functions and the registered modules around them.

Every loss module is called as ``loss(output, inputs, data_samples)``.
``output`` is a :class:`FuserOutput`; ``inputs`` holds ``vis`` (B, 3, H, W)
RGB, ``ir`` (B, 1, H, W) and ``vis_luma`` (B, 1, H, W), the luminance as the
fuser sees it; ``data_samples`` hold the labels, where there are any. The
result is a scalar or a dict of scalars. A :class:`PairLoss` is called as
``loss(student, teacher)`` by :class:`FuserDistiller`.
"""
from .adversarial import (detail_views, divergence_loss, gradient_magnitude,
                          target_views)
from .autoencoder import AutoencoderLoss
from .correlation import CorrelationLoss, correlation, correlation_loss
from .decomposition import DecompositionLoss
from .distillation import (CosineDistillationLoss, DistanceLoss, PairLoss,
                           PerceptualDistance, cosine_distillation_loss)
from .dynamic_refresh import DynamicRefreshLoss
from .film import FILMLoss
from .gmsd import GMSDLoss, gmsd_loss
from .gradient import GradientLoss, max_gradient_loss, mean_gradient_loss
from .history_bank import HistoryBank
from .information import (InformationPreservationLoss,
                          information_preservation_loss)
from .intensity import IntensityLoss, contrast_intensity_loss, local_variance
from .lp_ssim import LpSSIMLoss, lp_ssim_loss
from .lrrnet import LRRNetLoss
from .mef_ssim import MEFSSIMLoss
from .metric import MetricLoss
from .mixtures import (AverageLoss, LaplacianLoss, MaxIntensityLoss,
                       SourceMSELoss, average_loss, laplacian_loss,
                       max_intensity_loss)
from .motion import MotionConsistencyLoss
from .perceptual import MaxPerceptualLoss, max_perceptual_loss
from .psfusion import PSFusionLoss
from .reconstruction import ReconstructionLoss, reconstruction_loss
from .region_information import RegionInformationLoss, region_information_loss
from .registration import RegistrationLoss
from .saliency import (SaliencyWeightedLoss, saliency_map,
                       saliency_weighted_loss, target_masks)
from .segmentation import (BinaryMapLoss, BoundaryMapLoss,
                           OHEMCrossEntropyLoss, OHEMSemanticLoss,
                           ohem_cross_entropy, two_channel_bce)
from .ssim import SSIMLoss, ssim_loss

__all__ = [
    'AutoencoderLoss', 'AverageLoss', 'BinaryMapLoss', 'BoundaryMapLoss',
    'CorrelationLoss', 'CosineDistillationLoss', 'DecompositionLoss',
    'DistanceLoss', 'DynamicRefreshLoss', 'FILMLoss', 'GMSDLoss',
    'GradientLoss', 'HistoryBank', 'InformationPreservationLoss',
    'IntensityLoss', 'LRRNetLoss', 'LaplacianLoss', 'LpSSIMLoss',
    'MEFSSIMLoss', 'MaxIntensityLoss', 'MaxPerceptualLoss', 'MetricLoss',
    'MotionConsistencyLoss', 'OHEMCrossEntropyLoss', 'OHEMSemanticLoss',
    'PSFusionLoss', 'PairLoss', 'PerceptualDistance', 'ReconstructionLoss',
    'RegionInformationLoss', 'RegistrationLoss', 'SSIMLoss',
    'SaliencyWeightedLoss', 'SourceMSELoss', 'average_loss',
    'contrast_intensity_loss', 'correlation', 'correlation_loss',
    'cosine_distillation_loss', 'detail_views', 'divergence_loss', 'gmsd_loss',
    'gradient_magnitude', 'information_preservation_loss', 'laplacian_loss',
    'local_variance', 'lp_ssim_loss', 'max_gradient_loss',
    'max_intensity_loss', 'max_perceptual_loss', 'mean_gradient_loss',
    'ohem_cross_entropy', 'reconstruction_loss', 'region_information_loss',
    'saliency_map', 'saliency_weighted_loss', 'ssim_loss', 'target_masks',
    'target_views', 'two_channel_bce'
]
