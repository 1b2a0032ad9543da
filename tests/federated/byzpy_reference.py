"""Write byzpy_reference.json: what byzpy 0.1.4 makes of the same updates.

byzpy wants torch < 2.6 and numpy < 2.1, which leadone's own environment has not; its answers are
kept instead. Its ALIE is not the paper's: z is taken at (n - s) / n, not (n - f - s) / (n - f).

To make them again, in an environment of their own:

    python -m venv byzpy && byzpy/bin/pip install byzpy==0.1.4
    byzpy/bin/python tests/federated/byzpy_reference.py
"""

import json
from pathlib import Path

import numpy as np

PLACE = Path(__file__).with_name("byzpy_reference.json")
N, D, F, SEED = 9, 6, 2, 5


def updates() -> np.ndarray:
    """Seven alike, two far off."""
    rng = np.random.default_rng(SEED)
    matrix = rng.normal(1.0, 0.3, (N, D))
    matrix[:F] = rng.normal(-8.0, 2.0, (F, D))
    return matrix


def main() -> None:
    import torch
    from byzpy.aggregators.coordinate_wise.median import CoordinateWiseMedian
    from byzpy.aggregators.coordinate_wise.trimmed_mean import CoordinateWiseTrimmedMean
    from byzpy.aggregators.geometric_wise.geometric_median import GeometricMedian
    from byzpy.aggregators.geometric_wise.krum import Krum, MultiKrum
    from byzpy.aggregators.norm_wise.center_clipping import CenteredClipping
    from byzpy.attacks.empire import EmpireAttack
    from byzpy.pre_aggregators import Bucketing, NearestNeighborMixing

    rows = list(torch.from_numpy(updates()))
    found = {
        "median": CoordinateWiseMedian().aggregate(rows),
        "trimmed-mean": CoordinateWiseTrimmedMean(f=F).aggregate(rows),
        "krum": Krum(f=F).aggregate(rows),
        "multikrum": MultiKrum(f=F, q=N - F).aggregate(rows),
        "geometric-median": GeometricMedian(tol=1e-12, max_iter=2000).aggregate(rows),
        "centred-clipping": CenteredClipping(c_tau=1.5, M=3, init="zero").aggregate(rows),
        "bucketing": Bucketing(bucket_size=2, perm=range(N)).pre_aggregate(rows),
        "nearest": NearestNeighborMixing(f=F).pre_aggregate(rows),
        "ipm": EmpireAttack(scale=-0.5).apply(honest_grads=rows[F:]),
    }
    plain = {
        name: np.array([np.asarray(one) for one in value]).tolist() for name, value in found.items()
    }
    PLACE.write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    main()
