"""What noise on the gradients promises: (epsilon, delta) by Google's `dp-accounting`.

The unit is one recording of one device, over all its rounds: DP-SGD with Poisson sampling (Abadi
et al. 2016; Mironov et al. 2019, arXiv 1908.10530, for the Renyi bound). The update as a whole is
what is protected, from the server too, since the noise is added on the device.
"""

from __future__ import annotations

from ..edge.errors import InputError
from .head import LocalConfig


def epsilon(local: LocalConfig, recordings: int, rounds: int) -> float:
    """Epsilon at `local.delta` after so many rounds; inf without noise."""
    if local.noise <= 0:
        return float("inf")
    try:
        from dp_accounting import dp_event
        from dp_accounting.rdp import RdpAccountant
    except ImportError:
        raise InputError("privacy needs dp-accounting: pip install 'leadone[federated]'") from None
    share = min(local.batch / recordings, 1.0)
    steps = rounds * local.epochs * -(-recordings // local.batch)
    step = dp_event.PoissonSampledDpEvent(share, dp_event.GaussianDpEvent(local.noise))
    accountant = RdpAccountant()
    accountant.compose(dp_event.SelfComposedDpEvent(step, steps))
    return float(accountant.get_epsilon(local.delta))
