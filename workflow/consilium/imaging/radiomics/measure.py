"""All features of a region, in the aggregations that IBSI names."""

from __future__ import annotations

import numpy as np

from consilium.imaging.radiomics import autocorrelation, cooccurrence, intensity, matrices, shape, texture
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
# spatial: Moran's I and Geary's C
FAMILIES = frozenset(("morph", "spatial", "loc", "stat", "ih", "ivh", "cm", "rlm", "szm", "dzm", "ngt", "ngl"))
MATRIX_NAMES = {  # family -> names in the order of matrices.ORDER; an empty name: not of that family
    "rlm": "sre lre lgre hgre srlge srhge lrlge lrhge glnu glnu_norm rlnu rlnu_norm r_perc gl_var rl_var rl_entr",
    "szm": "sze lze lgze hgze szlge szhge lzlge lzhge glnu glnu_norm zsnu zsnu_norm z_perc gl_var zs_var zs_entr",
    "dzm": "sde lde lgze hgze sdlge sdhge ldlge ldhge glnu glnu_norm zdnu zdnu_norm z_perc gl_var zd_var zd_entr",
    "ngl": "lde hde lgce hgce ldlge ldhge hdlge hdhge glnu glnu_norm dcnu dcnu_norm dc_perc gl_var dc_var dc_entr"
    " dc_energy",
}


def everything(region: Region, settings: Settings, aggregations: tuple[str, ...] = ("3D_comb",),
               families: frozenset[str] = FAMILIES, *, uncertain: bool = False) -> dict[str, float]:  # fmt: skip
    """Features by name (catalogue.py) of a region whose intensity mask holds at least one voxel.

    aggregations: of AGGREGATIONS; zones, tone differences and dependences have no directions and carry the name
    without _avg or _comb. families: which to compute. uncertain: see shape.features.
    """
    levels, ng = grey_levels(region.values, settings)
    plain = {
        "morph": ("morph", lambda: shape.features(region, uncertain=uncertain)),
        "spatial": ("morph", lambda: autocorrelation.features(region)),
        "loc": ("loc_peak", lambda: intensity.peaks(region)),
        "stat": ("stat", lambda: intensity.statistics(region.values)),
        "ih": ("ih", lambda: intensity.histogram(levels, ng)),
        "ivh": ("ivh", lambda: intensity.volume_histogram(region, settings)),
    }
    out = {f"{start}_{k}": v for name, (start, work) in plain.items() if name in families for k, v in work().items()}
    for flat in (True, False):
        wanted = [a for a in aggregations if AGGREGATIONS[a][0] == flat]
        if wanted and families - plain.keys():
            out |= _textures(region, lattice(region.inside, levels, ng, flat), wanted, families)
    return {name: float(value) for name, value in out.items()}


def _textures(region: Region, grid: Lattice, aggregations: list[str], families: frozenset[str]) -> dict[str, float]:
    """Texture features in aggregations that share their neighbours (all within slices, or all in space)."""
    out = _pairs_and_runs(grid, aggregations, families)
    slices = grid.slice_of
    found: dict[str, tuple[texture.Whole, ...]] = {}
    if families & {"szm", "dzm"}:
        slice_of, level, size, zone = texture.zones(grid)
        found["szm"] = slice_of, level, size
        if "dzm" in families:
            depth = texture.depths(region.shape, region.inside, grid.flat)
            found["dzm"] = slice_of, level, texture.least(depth, zone)
    if "ngl" in families:
        found["ngl"] = (slices, grid.level, texture.dependences(grid))
    tones = texture.tones(grid) if "ngt" in families else None
    for name in dict.fromkeys(a.rpartition("_")[0] for a in aggregations):
        alone = name == "2D"  # each slice has a matrix of its own
        voxels = np.bincount(slices if alone else np.zeros_like(slices)).astype(np.float64)
        for family, (group, level, size) in found.items():
            if family not in families:
                continue
            group = group if alone else np.zeros_like(group)
            out |= _matrix(family, name, matrices.gather(group, level, size, voxels))
        if tones is not None:
            merged = tones if alone else tuple(t.sum(axis=0)[None] for t in tones)
            out |= {f"ngt_{k}_{name}": v for k, v in _means(texture.tone_features(*merged)).items()}
    return out


def _pairs_and_runs(grid: Lattice, aggregations: list[str], families: frozenset[str]) -> dict[str, float]:
    out: dict[str, float] = {}
    n_dirs = len(grid.offsets)
    if "cm" in families:
        pairs = cooccurrence.matrices(grid)
        for name in aggregations:
            _, by_slice, by_direction = AGGREGATIONS[name]
            counts = pairs if by_slice else pairs.sum(axis=0, keepdims=True)
            counts = counts if by_direction else counts.sum(axis=1, keepdims=True)
            found = _means(cooccurrence.features(counts.reshape(-1, grid.ng, grid.ng)))
            out |= {f"cm_{k}_{name}": v for k, v in found.items()}
    if "rlm" in families:
        slice_of, direction, level, length = texture.runs(grid)
        voxels = np.bincount(grid.slice_of).astype(np.float64)
        for name in aggregations:
            _, by_slice, by_direction = AGGREGATIONS[name]
            group = slice_of if by_slice else np.zeros_like(slice_of)
            possible = voxels if by_slice else voxels.sum(keepdims=True)
            if by_direction:
                group, possible = group * n_dirs + direction, np.repeat(possible, n_dirs)
            else:
                possible = possible * n_dirs
            out |= _matrix("rlm", name, matrices.gather(group, level, length, possible))
    return out


def _matrix(family: str, aggregation: str, cells: matrices.Cells) -> dict[str, float]:
    found = _means(matrices.features(cells))
    names = MATRIX_NAMES[family].split()
    return {f"{family}_{n}_{aggregation}": found[k] for n, k in zip(names, matrices.ORDER, strict=False)}


def _means(features: dict[str, Reals]) -> dict[str, float]:
    """Mean over matrices; those in which a feature is undefined are left out; NaN where it is in all."""
    values = np.stack(list(features.values()))
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        means = np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
    return dict(zip(features, means.tolist(), strict=True))
