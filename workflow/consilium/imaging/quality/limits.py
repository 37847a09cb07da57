"""Where each metric becomes suspicious, and what that means in plain words.

Limits are set wide: they catch broken images, they do not rank good ones. Their origin and how often they catch planted
defects: docs/methods/imaging/quality.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from consilium.imaging.volume import STRUCTURAL

Span = tuple[float | None, float | None]
NONE: Span = (None, None)


@dataclass(frozen=True)
class Limit:
    """Outside flag -> flagged, outside exclude -> excluded; None: no limit on that side. says: what is wrong, in plain
    words. head_only: means something only where the image was registered as a head."""

    metric: str
    says: str
    flag: Span
    exclude: Span = NONE
    head_only: bool = False


def most(metric: str, says: str, flag: float | None, exclude: float | None = None, head_only: bool = False) -> Limit:
    return Limit(metric, says, (None, flag), (None, exclude), head_only)


def least(metric: str, says: str, flag: float | None, exclude: float | None = None, head_only: bool = False) -> Limit:
    return Limit(metric, says, (flag, None), (exclude, None), head_only)


ALL = (
    most("nan_share", "voxels without a value", 0.0, 0.2),
    *(most(f"spacing_{a}", f"very large voxels along {a}", 8.0, 20.0) for a in "xyz"),
    most("blank_slices", "blank slices amid the image", 0.0),
    most("repeated_slices", "slices that repeat the one before", 0.0),
)
MRI = (
    most("slice_disorder", "slices in wrong order", 0.25),
    most("slice_stripe", "slices of another brightness (signal lost or doubled)", 0.4, head_only=True),
    most("kspace_spike", "herring-bone pattern (a spike in k-space)", 6.0),
    most("clipped_share", "clipped: many voxels at the highest value", 0.01),
    least("grey_levels", "few grey levels", 32.0),
    most("noise_share", "noise", 0.25, 0.8),
)
HEAD = (
    least("snr_air", "noise, against the air", 8.0, head_only=True),
    least("snr_white_matter", "noise or shading in white matter", 4.0, 1.8, head_only=True),
    most("qi1", "bright artefacts in the air: motion, ghost or wrap-around", 0.02, head_only=True),
    most("ghost_x", "ghost or motion along x", 0.04, head_only=True),
    most("ghost_y", "ghost or motion along y", 0.04, head_only=True),
    most("inu_range", "strong shading (bias field)", 0.9, head_only=True),
    most("shading", "strong shading from one side to the other", 0.6, head_only=True),
    most("edge_x", "head cut off or wrapped around, left and right", 0.25, head_only=True),
    most("edge_y", "head cut off or wrapped around, front and back", 0.25, head_only=True),
    most("edge_top", "head cut off or wrapped around at the top", 0.3, head_only=True),
    least("registration_coverage", "brain cut off", 0.95),
    Limit("stretch_min", "size of the head: wrong voxel size?", (0.74, None), head_only=True),
    Limit("stretch_max", "size of the head: wrong voxel size?", (None, 1.22), head_only=True),
    most("stretch_ratio", "proportions of the head: wrong voxel size?", 1.4, head_only=True),
)
CONTRAST = {
    "T1": (Limit("wm_to_gm", "contrast is not that of T1 (white matter should outshine grey)", (1.0, None)),),
    "T2": (Limit("csf_to_gm", "contrast is not that of T2 (fluid should outshine grey matter)", (1.0, None)),),
    "FLAIR": (
        Limit("csf_to_gm", "contrast is not that of FLAIR (fluid should be dark)", (None, 1.0)),
        Limit("wm_to_gm", "contrast is not that of FLAIR (grey matter should not be darker than white)", (None, 1.12)),
    ),
}
SERIES = (
    least("tsnr", "low temporal signal to noise", 20.0, 5.0),
    most("dvars_max", "a sudden change of the whole image", 3.0),
    most("fd_mean", "head motion", 0.3, 1.5),
    most("fd_share_above_0.5mm", "head motion in many volumes", 0.2, 0.9),
    most("outlier_fraction", "many outlying values", 0.05),
    most("quality_index", "volumes unlike the median volume", 0.2),
    most("slice_spikes", "slices that lose or gain signal (spikes)", 0.0),
    most("dummy_volumes", "volumes at the start not in steady state", 0.0),
    most("lost_volumes", "volumes without their signal", 0.0),
    most("repeated_volumes", "volumes that repeat the one before", 0.0, 20.0),
    most("ghost_x", "ghost along x", 0.15),
    most("ghost_y", "ghost along y", 0.15),
    least("n_volumes", "a short series", 50.0, 20.0),
    least("registration_coverage", "brain cut off", 0.9),
)
LIMITS: dict[str, tuple[Limit, ...]] = {
    **{
        kind: (
            *ALL,
            *MRI,
            *HEAD,
            most(
                "cjv",
                "grey and white matter hard to tell apart",
                1.2 if kind == "T1" else 3.0,
                6.0 if kind == "T1" else None,
                head_only=True,
            ),
            *CONTRAST[kind],
        )
        for kind in STRUCTURAL
    },
    "fMRI": (*ALL, *SERIES),
    "CT": (
        *ALL,
        most("raw_offset", "raw scanner values: the rescale to Hounsfield units is missing", 500.0, 500.0),
        Limit("air_hu", "air is not at -1000", (-1060.0, -860.0), (-1300.0, -600.0)),
        Limit("soft_tissue_hu", "soft tissue is not near 0 to 60", (-150.0, 120.0), (-400.0, 400.0)),
        most("soft_tissue_noise", "noise", 60.0),
        most("slice_disorder", "slices in wrong order", 0.25),
    ),
    "PET": (*ALL, Limit("suv_mean_head", "uptake: wrong dose, weight or time?", (0.3, 15.0), (0.01, 200.0))),
    "mask": (
        least("image_covered", "the mask leaves its image", 0.999, 0.5),
        most("volume_share", "the mask fills the image", 0.5),
    ),
}
