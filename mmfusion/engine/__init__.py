from . import adversarial, hooks, schedulers  # noqa: F401
