"""Values for what a formula leaves undefined."""


def ratio(xp, over, under, at_zero):
    """over / under, and a documented value where ``under`` is 0.

    Args:
        xp (module): numpy or torch.
        over (number | np.ndarray | Tensor): Numerator.
        under (np.ndarray | Tensor): Denominator.
        at_zero (number | np.ndarray | Tensor): Value where it is 0.
    """
    zero = under == 0
    return xp.where(zero, at_zero, over / xp.where(zero, 1., under))
