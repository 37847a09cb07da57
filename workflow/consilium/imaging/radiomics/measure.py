"""All features of a region, in the aggregations that IBSI names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.radiomics import cooccurrence, intensity, matrices, shape, texture
from consilium.imaging.radiomics.lattice import Lattice, lattice
from consilium.imaging.radiomics.prepare import Reals, Region, Settings, grey_levels

# Aggregation -> (neighbours within slices only, slices kept apart, directions kept apart); IBSI 3.6 and 3.7.
AGGREGATIONS = {
    "2D_avg": (True, True, True),
    "2D_comb": (True, True, False),
    "2_5D_avg": (True, False, True),
    "2_5D_comb": (True, False, False),
    "3D_avg": (False, False, True),
    "3D_comb": (False, False, False),
}
MATRIX_NAMES = {  # family -> names in the order of matrices.ORDER; an empty name: not of that family
    "rlm": "sre lre lgre hgre srlge srhge lrlge lrhge glnu glnu_norm rlnu rlnu_norm r_perc gl_var rl_var rl_entr",
    "szm": "sze lze lgze hgze szlge szhge lzlge lzhge glnu glnu_norm zsnu zsnu_norm z_perc gl_var zs_var zs_entr",
    "dzm": "sde lde lgze hgze sdlge sdhge ldlge ldhge glnu glnu_norm zdnu zdnu_norm z_perc gl_var zd_var zd_entr",
    "ngl": "lde hde lgce hgce ldlge ldhge hdlge hdhge glnu glnu_norm dcnu dcnu_norm dc_perc gl_var dc_var dc_entr"
    " dc_energy",
}


def everything(region: Region, settings: Settings, aggregations: tuple[str, ...] = ("3D_comb",),
               *, uncertain: bool = False) -> dict[str, float]:  # fmt: skip
    """Features by name (catalogue.py) of a region whose intensity mask holds at least one voxel.

    aggregations: of AGGREGATIONS; zones, tone differences and dependences have no directions and carry the name
    without _avg or _comb. uncertain: see shape.features.
    """
    levels, ng = grey_levels(region.values, settings)
    out = {f"morph_{k}": v for k, v in shape.features(region, uncertain=uncertain).items()}
    out |= {f"loc_peak_{k}": v for k, v in intensity.peaks(region).items()}
    out |= {f"stat_{k}": v for k, v in intensity.statistics(region.values).items()}
    out |= {f"ih_{k}": v for k, v in intensity.histogram(levels, ng).items()}
    out |= {f"ivh_{k}": v for k, v in intensity.volume_histogram(region, settings).items()}
    for flat in (True, False):
        wanted = [a for a in aggregations if AGGREGATIONS[a][0] == flat]
        if wanted:
            out |= textures(region, levels, ng, wanted)
    return {name: float(value) for name, value in out.items()}


def textures(region: Region, levels: NDArray[np.int64], ng: int, aggregations: list[str]) -> dict[str, float]:
    """Texture features in aggregations that share their neighbours (all within slices, or all in space)."""
    flat = AGGREGATIONS[aggregations[0]][0]
    grid = lattice(region.inside, levels, ng, flat)
    out = _pairs_and_runs(grid, aggregations)
    depth = texture.depths(region.shape, region.inside, flat)
    slice_of, level, size, least = texture.zones(grid, depth)
    count, apart = texture.tones(grid)
    same = texture.dependences(grid)
    for name in dict.fromkeys(a.rpartition("_")[0] for a in aggregations):
        alone = name == "2D"
        group = slice_of if alone else np.zeros_like(slice_of)
        each = grid.slice_of if alone else np.zeros_like(grid.slice_of)
        voxels = np.bincount(each).astype(np.float64)
        out |= _matrix("szm", name, matrices.gather(group, level, size, voxels))
        out |= _matrix("dzm", name, matrices.gather(group, level, least, voxels))
        out |= _matrix("ngl", name, matrices.gather(each, grid.level, same, voxels))
        merged = (count, apart) if alone else (count.sum(axis=0)[None], apart.sum(axis=0)[None])
        out |= {f"ngt_{k}_{name}": _mean(v) for k, v in texture.tone_features(*merged).items()}
    return out


def _pairs_and_runs(grid: Lattice, aggregations: list[str]) -> dict[str, float]:
    pairs = cooccurrence.matrices(grid)
    slice_of, direction, level, length = texture.runs(grid)
    n_dirs = len(grid.offsets)
    voxels = np.bincount(grid.slice_of).astype(np.float64)
    out: dict[str, float] = {}
    for name in aggregations:
        _, by_slice, by_direction = AGGREGATIONS[name]
        counts = pairs if by_slice else pairs.sum(axis=0, keepdims=True)
        counts = counts if by_direction else counts.sum(axis=1, keepdims=True)
        out |= {
            f"cm_{k}_{name}": _mean(v)
            for k, v in cooccurrence.features(counts.reshape(-1, grid.ng, grid.ng)).items()
        }
        group = slice_of if by_slice else np.zeros_like(slice_of)
        possible = voxels if by_slice else voxels.sum(keepdims=True)
        if by_direction:
            group, possible = group * n_dirs + direction, np.repeat(possible, n_dirs)
        else:
            possible = possible * n_dirs
        out |= _matrix("rlm", name, matrices.gather(group, level, length, possible))
    return out


def _matrix(family: str, aggregation: str, cells: matrices.Cells) -> dict[str, float]:
    found = matrices.features(cells)
    names = MATRIX_NAMES[family].split()
    return {f"{family}_{n}_{aggregation}": _mean(found[k]) for n, k in zip(names, matrices.ORDER, strict=False)}


def _mean(values: Reals) -> float:
    """Mean over matrices; those in which a feature is undefined are left out; NaN where it is in all."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
