"""Made-up studies in which every patient's true effect is known."""

from __future__ import annotations

import numpy as np
from consilium.treatment.nuisance import Study


def world(n: int, covariates: int, slope: float, seed: int, binary: bool = False) -> tuple[Study, np.ndarray]:
    """(study, true effect): confounded by covariate 0, effect 0.5 + slope x covariate 1; 5 % of values missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, covariates))
    t = (rng.random(n) < 1 / (1 + np.exp(-0.5 * x[:, 0]))).astype(int)
    effect = 0.5 + slope * x[:, 1]
    level = x[:, 0] + 0.5 * x[:, 2]
    if binary:
        risks = [1 / (1 + np.exp(-(level + arm * effect))) for arm in (0, 1)]
        y = (rng.random(n) < np.where(t == 1, risks[1], risks[0])).astype(float)
        effect = risks[1] - risks[0]
    else:
        y = level + effect * t + rng.normal(size=n)
    seen = x.copy()
    seen[rng.random(x.shape) < 0.05] = np.nan
    return Study(seen, t, y, np.arange(n), binary), effect
