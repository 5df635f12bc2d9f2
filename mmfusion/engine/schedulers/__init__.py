from .exponential_warmup import ExponentialWarmupLR

__all__ = ['ExponentialWarmupLR']
