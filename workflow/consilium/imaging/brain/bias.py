"""N4 bias field correction (Tustison et al. 2010, doi:10.1109/TMI.2010.2046908) on a coarse copy of a head image."""

from __future__ import annotations

import numpy as np

from consilium.imaging.resampling import from_image, to_image
from consilium.imaging.volume import Affine, Mask, Voxels

# A round of N4 takes out a small part of what is left, least on the coarsest splines: 15 rounds a level leave most.
ITERATIONS = (50, 50, 50)
SPLINE_POINTS = (4, 4, 4)
EVERY, FEWEST = 3, 4  # of the coarse grid's voxels N4 sees every third along each axis, four where there are so many


def thinned(voxels: Voxels, grid: Affine) -> tuple[Voxels, Affine]:
    """Every third voxel and its grid, not smoothed: means over larger voxels mix the tissues that N4 tells apart."""
    step = np.array([max(1, min(EVERY, n // FEWEST)) for n in voxels.shape])
    first = (np.array(voxels.shape) - 1) % step // 2  # the ends stay within half a step of a voxel that is seen
    place = grid.copy()
    place[:3, :3] = grid[:3, :3] * step
    place[:3, 3] = grid[:3, :3] @ first + grid[:3, 3]
    x, y, z = (slice(int(a), None, int(s)) for a, s in zip(first, step, strict=True))
    return np.ascontiguousarray(voxels[x, y, z]), place


def field(coarse: Voxels, grid: Affine, mask: Mask) -> Voxels:
    """Multiplicative field on the same grid, mean 1 (of logs) within `mask`; image / field is corrected."""
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    high = float(np.percentile(coarse[mask], 99.5))
    # N4 works on logarithms: voxels near zero inside the mask would rule the fit.
    image = to_image(np.clip(coarse, 0.02 * high, high).astype(np.float32), grid)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetNumberOfThreads(1)
    n4.SetMaximumNumberOfIterations(ITERATIONS)
    n4.SetNumberOfControlPoints(SPLINE_POINTS)
    n4.SetConvergenceThreshold(1e-4)
    n4.Execute(image, to_image(mask.astype(np.uint8), grid))
    log_field = from_image(n4.GetLogBiasFieldAsImage(image))
    return np.exp(log_field - float(log_field[mask].mean())).astype(np.float32)
