"""Lesions in other patients' heads: a lesion and some of its surroundings replace what lies there in somebody else.

CarveMix, doi:10.1007/978-3-030-87193-2_19. With few patients a lesion is otherwise seen in one head alone.
"""

from __future__ import annotations

import numpy as np

NDArray = np.ndarray
SHARE = 0.5  # of the patches on a lesion
HEIGHT_SD = 0.06  # of the heights (-1 to 1) at which it is put into the other head


def region(mask: NDArray, random: np.random.Generator) -> NDArray:
    """What is moved of a boolean mask: as often its inside, down to half its depth, as it and a rim up to its depth."""
    from scipy.ndimage import distance_transform_edt

    inside, outside = distance_transform_edt(mask), distance_transform_edt(~mask)
    depth = float(inside.max())
    limit = random.uniform(-depth / 2, 0) if random.random() < 0.5 else random.uniform(0, depth)
    return np.asarray(np.where(mask, -inside, outside) <= limit)
