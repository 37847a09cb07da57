"""What each quality metric is measured in and which direction is better; formulas and sources stand at the functions
and in docs/methods/imaging/quality.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """unit: "" = dimensionless. better: higher, lower or in range."""

    unit: str
    better: str


METRICS: dict[str, Metric] = {
    "nan_share": Metric("fraction", "lower"),
    "spacing_x": Metric("mm", "in range"),
    "spacing_y": Metric("mm", "in range"),
    "spacing_z": Metric("mm", "in range"),
    "fov_x": Metric("mm", "in range"),
    "fov_y": Metric("mm", "in range"),
    "fov_z": Metric("mm", "in range"),
    "snr_air": Metric("", "higher"),
    "snr_white_matter": Metric("", "higher"),
    "cnr": Metric("", "higher"),
    "cjv": Metric("", "lower"),
    "efc": Metric("", "lower"),
    "fber": Metric("", "higher"),
    "snr_grey_matter": Metric("", "higher"),
    "snr_csf": Metric("", "higher"),
    "snr_air_white_matter": Metric("", "higher"),
    "snr_air_grey_matter": Metric("", "higher"),
    "snr_air_csf": Metric("", "higher"),
    "wm2max": Metric("", "in range"),
    "wm_to_gm": Metric("", "in range"),
    "csf_to_gm": Metric("", "in range"),
    "inu_range": Metric("", "lower"),
    "inu_median": Metric("", "in range"),
    "shading": Metric("", "lower"),
    "qi1": Metric("fraction", "lower"),
    "ghost_x": Metric("", "lower"),
    "ghost_y": Metric("", "lower"),
    "kspace_spike": Metric("", "lower"),
    "noise_share": Metric("fraction", "lower"),
    "clipped_share": Metric("fraction", "lower"),
    "grey_levels": Metric("", "higher"),
    "edge_x": Metric("fraction", "lower"),
    "edge_y": Metric("fraction", "lower"),
    "edge_top": Metric("fraction", "lower"),
    "fwhm_x": Metric("voxels", "lower"),
    "fwhm_y": Metric("voxels", "lower"),
    "fwhm_z": Metric("voxels", "lower"),
    "blank_slices": Metric("", "lower"),
    "repeated_slices": Metric("", "lower"),
    "slice_disorder": Metric("fraction", "lower"),
    "slice_stripe": Metric("", "lower"),
    "stretch_min": Metric("", "in range"),
    "stretch_max": Metric("", "in range"),
    "stretch_ratio": Metric("", "lower"),
    "outlier_fraction": Metric("fraction", "lower"),
    "quality_index": Metric("", "lower"),
    "slice_spikes": Metric("fraction", "lower"),
    "dummy_volumes": Metric("", "lower"),
    "lost_volumes": Metric("", "lower"),
    "repeated_volumes": Metric("", "lower"),
    "raw_offset": Metric("HU", "lower"),
    "volume_share": Metric("fraction", "lower"),
    "gm_share": Metric("fraction of ICV", "in range"),
    "wm_share": Metric("fraction of ICV", "in range"),
    "csf_share": Metric("fraction of ICV", "in range"),
    "registration_information": Metric("", "higher"),
    "registration_coverage": Metric("fraction", "higher"),
    "tsnr": Metric("", "higher"),
    "dvars_median": Metric("", "lower"),
    "dvars_max": Metric("", "lower"),
    "global_correlation": Metric("", "lower"),
    "fd_mean": Metric("mm", "lower"),
    "fd_max": Metric("mm", "lower"),
    "fd_share_above_0.5mm": Metric("fraction", "lower"),
    "n_volumes": Metric("", "higher"),
    "air_hu": Metric("HU", "in range"),
    "soft_tissue_hu": Metric("HU", "in range"),
    "soft_tissue_noise": Metric("HU", "lower"),
    "suv_mean_head": Metric("SUV", "in range"),
    "volume_ml": Metric("ml", "in range"),
    "image_covered": Metric("fraction", "higher"),
}
