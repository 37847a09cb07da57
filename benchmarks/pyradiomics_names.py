"""Features of pyradiomics (doi:10.1158/0008-5472.CAN-17-0339) by their names here, where both mean the same."""

from __future__ import annotations

import math
from collections.abc import Mapping

FIRST_ORDER = {
    "10Percentile": "stat_p10", "90Percentile": "stat_p90", "Energy": "stat_energy", "Entropy": "ih_entropy",
    "InterquartileRange": "stat_iqr", "Maximum": "stat_max", "MeanAbsoluteDeviation": "stat_mad", "Mean": "stat_mean",
    "Median": "stat_median", "Minimum": "stat_min", "Range": "stat_range", "RootMeanSquared": "stat_rms",
    "RobustMeanAbsoluteDeviation": "stat_rmad", "Skewness": "stat_skew", "Uniformity": "ih_uniformity",
    "Variance": "stat_var",
}  # fmt: skip
SHAPE = {
    "Elongation": "morph_pca_elongation", "Flatness": "morph_pca_flatness", "Maximum3DDiameter": "morph_diam",
    "MeshVolume": "morph_volume", "Sphericity": "morph_sphericity", "SurfaceArea": "morph_area_mesh",
    "SurfaceVolumeRatio": "morph_av", "VoxelVolume": "morph_vol_approx",
}  # fmt: skip
AXES = {
    "LeastAxisLength": "morph_pca_least_axis",
    "MajorAxisLength": "morph_pca_maj_axis",
    "MinorAxisLength": "morph_pca_min_axis",
}
PAIRS = {
    "Autocorrelation": "auto_corr", "ClusterProminence": "clust_prom", "ClusterShade": "clust_shade",
    "ClusterTendency": "clust_tend", "Contrast": "contrast", "Correlation": "corr", "DifferenceAverage": "diff_avg",
    "DifferenceEntropy": "diff_entr", "DifferenceVariance": "diff_var", "Id": "inv_diff", "Idm": "inv_diff_mom",
    "Idmn": "inv_diff_mom_norm", "Idn": "inv_diff_norm", "Imc1": "info_corr1", "Imc2": "info_corr2",
    "InverseVariance": "inv_var", "JointAverage": "joint_avg", "JointEnergy": "energy", "JointEntropy": "joint_entr",
    "MaximumProbability": "joint_max", "SumAverage": "sum_avg", "SumEntropy": "sum_entr", "SumSquares": "joint_var",
}  # fmt: skip
# class -> (family here; their words for short, long, size, what is counted, and what grey levels are told of; ours for
# short, long, low, high, size and its non-uniformity)
MATRICES = {
    "glrlm": ("rlm", "ShortRun", "LongRun", "RunLength", "Run", "Run", "sr", "lr", "lgre", "hgre", "rl", "rlnu"),
    "glszm": ("szm", "SmallArea", "LargeArea", "SizeZone", "Zone", "Zone", "sz", "lz", "lgze", "hgze", "zs", "zsnu"),
    "gldm": ("ngl", "SmallDependence", "LargeDependence", "Dependence", "Dependence", "", "ld", "hd", "lgce", "hgce",
             "dc", "dcnu"),
}  # fmt: skip
TONES = {n: n.lower() for n in ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")}


def _matrix(family: str) -> dict[str, str]:
    ours, short, long, size, counted, told, few, many, low, high, stem, non_uniform = MATRICES[family]
    out = {
        f"{short}Emphasis": f"{few}e", f"{long}Emphasis": f"{many}e", f"LowGrayLevel{told}Emphasis": low,
        f"HighGrayLevel{told}Emphasis": high, f"{short}LowGrayLevelEmphasis": f"{few}lge",
        f"{short}HighGrayLevelEmphasis": f"{few}hge", f"{long}LowGrayLevelEmphasis": f"{many}lge",
        f"{long}HighGrayLevelEmphasis": f"{many}hge", "GrayLevelNonUniformity": "glnu",
        f"{size}NonUniformity": non_uniform, f"{size}NonUniformityNormalized": f"{non_uniform}_norm",
        "GrayLevelVariance": "gl_var", f"{counted}Variance": f"{stem}_var", f"{counted}Entropy": f"{stem}_entr",
    }  # fmt: skip
    if family != "gldm":
        out["GrayLevelNonUniformityNormalized"] = "glnu_norm"
        out[f"{counted}Percentage"] = f"{counted[0].lower()}_perc"
    return {f"{family}_{k}": f"{ours}_{v}" for k, v in out.items()}


def expected(found: Mapping[str, float], n_voxels: int, flat: bool = False) -> dict[str, float]:
    """What pyradiomics calls `class_Name` -> its value by our features (aggregation 3D_avg, or 2_5D_avg where flat).

    Known differences of definition are bridged: its kurtosis is not in excess, its total energy is the energy times
    the voxel's volume, its covariance of axes divides by n. Absent: MCC and diameters within planes, which IBSI does
    not have.
    """
    paired = "2_5D_avg" if flat else "3D_avg"
    alone = "2_5D" if flat else "3D"
    names = {f"firstorder_{k}": v for k, v in FIRST_ORDER.items()} | {f"shape_{k}": v for k, v in SHAPE.items()}
    names |= {f"glcm_{k}": f"cm_{v}_{paired}" for k, v in PAIRS.items()}
    names |= {k: f"{v}_{paired}" for k, v in _matrix("glrlm").items()}
    names |= {k: f"{v}_{alone}" for family in ("glszm", "gldm") for k, v in _matrix(family).items()}
    names |= {f"ngtdm_{k}": f"ngt_{v}_{alone}" for k, v in TONES.items()}
    out = {theirs: found[ours] for theirs, ours in names.items()}
    out["firstorder_Kurtosis"] = found["stat_kurt"] + 3
    out["firstorder_TotalEnergy"] = found["stat_energy"] * found["morph_vol_approx"] / n_voxels
    shrink = math.sqrt((n_voxels - 1) / n_voxels)
    return out | {f"shape_{theirs}": found[ours] * shrink for theirs, ours in AXES.items()}
