"""Image quality metrics that any kind shares, and those of structural MRI; one pure function each.

Every function returns a float; NaN where it cannot be computed. Directions are said in METRICS of verdict.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain.tissue import Tissue
from consilium.imaging.volume import Mask, Voxels

RAYLEIGH = np.sqrt(2 / (4 - np.pi))  # noise in air of a magnitude image -> noise in tissue


def snr_air(foreground: NDArray, air: NDArray) -> float:
    """Signal to noise against air (Dietrich et al. 2007, doi:10.1002/jmri.20969); higher is better.

    NaN where the air was blanked (no spread) or too small.
    """
    spread = float(air.std()) if air.size >= 100 else 0.0
    if spread <= 0 or float((air == 0).mean()) > 0.5:
        return float("nan")
    return float(np.median(foreground)) / (spread * RAYLEIGH)


def snr_tissue(values: NDArray) -> float:
    """Mean over standard deviation within one tissue (here white matter); higher is better."""
    spread = float(values.std(ddof=1)) if values.size > 10 else 0.0
    return float(values.mean()) / spread if spread > 0 else float("nan")


def cnr(gm: NDArray, wm: NDArray, air_sd: float) -> float:
    """|GM - WM| over their joint noise (Magnotta and Friedman 2006, doi:10.1007/s10278-006-0264-x); higher is better.

    air_sd: spread of the air in the same units; 0 where it was blanked.
    """
    noise = float(np.sqrt(air_sd**2 + gm.var() + wm.var()))
    return abs(float(gm.mean() - wm.mean())) / noise if noise > 0 else float("nan")


def cjv(gm: NDArray, wm: NDArray) -> float:
    """Joint variation of grey and white matter (Ganzetti et al. 2016, doi:10.3389/fninf.2016.00010); lower: better."""
    apart = abs(float(wm.mean() - gm.mean()))
    return float(wm.std() + gm.std()) / apart if apart > 0 else float("nan")


def efc(voxels: NDArray) -> float:
    """Entropy focus criterion, 0..1 (Atkinson et al. 1997, doi:10.1109/42.650886); lower is better: ghosting and
    blurring by motion spread the energy over more voxels."""
    values = np.abs(voxels.ravel().astype(np.float64))
    energy = float(np.sqrt((values**2).sum()))
    if energy == 0:
        return float("nan")
    share = values[values > 0] / energy
    n = values.size
    most = n / np.sqrt(n) * np.log(np.sqrt(n))
    return float(-(share * np.log(share)).sum() / most)


def fber(foreground: NDArray, air: NDArray) -> float:
    """Median energy of the foreground over that of the air (Shehzad et al. 2015,
    doi:10.3389/conf.fnins.2015.91.00047); higher is better. NaN where the air was blanked."""
    if air.size < 100:
        return float("nan")
    background = float(np.median(air.astype(np.float64) ** 2))
    return float(np.median(foreground.astype(np.float64) ** 2)) / background if background > 0 else float("nan")


def structural(voxels: Voxels, head: Mask, tissue: Tissue | None) -> dict[str, float]:
    """All metrics of a T1, T2 or FLAIR image. head: foreground on the image's own grid; tissue: on the template's."""
    finite = np.nan_to_num(voxels)
    air = finite[~_grown(head)]
    out = {
        "snr_air": snr_air(finite[head], air),
        "efc": efc(finite),
        "fber": fber(finite[head], air),
    }
    if tissue is not None:
        gm, wm = tissue.intensity[tissue.gm > 0.9], tissue.intensity[tissue.wm > 0.9]
        if gm.size > 100 and wm.size > 100:
            out |= {"snr_white_matter": snr_tissue(wm), "cnr": cnr(gm, wm, 0.0), "cjv": cjv(gm, wm)}
        whole = float(tissue.mask.sum())
        out |= {f"{name}_share": float(getattr(tissue, name).sum()) / whole for name in ("gm", "wm", "csf")}
    return out


def _grown(mask: Mask) -> Mask:
    """A rim of partial volume is neither head nor air."""
    from scipy import ndimage

    return np.asarray(ndimage.binary_dilation(mask, iterations=2))
