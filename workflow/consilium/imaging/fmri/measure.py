"""Features of a run that is ready: connectivity, partial connectivity, graph, activity; the regions' covariance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilium.core.store import write_table
from consilium.imaging.brain import atlas
from consilium.imaging.fmri import activity, connectivity, graph, regions
from consilium.imaging.fmri.parcels import LabelMeans
from consilium.imaging.fmri.run import Run
from consilium.imaging.fmri.settings import Settings
from consilium.imaging.outcome import Block
from consilium.imaging.resampling import resample

MIN_GM = 0.2  # share of grey matter in a voxel that counts for a node or region
BRAIN = "brain's mean = 1"


def blocks(run: Run, tr_s: float | None, settings: Settings, parcels: atlas.Regions, folder: Path) -> dict[str, Block]:
    """The run's feature blocks; writes covariance.parquet into `folder`."""
    grey = run.tissue["gm"] > MIN_GM
    labels = np.where(grey, _labels(run, parcels), 0)
    means = LabelMeans(labels, len(parcels.names))
    left = run.model.residual(np.nan_to_num(means.of(run.values)[run.model.used]))
    table = regions.covariance(means, run.values.mean(axis=0), left, parcels.names)
    write_table(folder / "covariance.parquet", "fmri_covariance", table)
    return {**_networks(run, grey), "fmri_activity": _activity(run, tr_s, settings, regions.grouped(labels, parcels))}


def _labels(run: Run, parcels: atlas.Regions) -> np.ndarray:
    """(voxel,) number of the region that each voxel of the brain lies in."""
    inverse = np.asarray(np.linalg.inv(run.matrix), dtype=np.float64)
    on_grid = resample(parcels.labels.astype(np.float32), atlas.template().affine, inverse, run.brain.shape, run.affine,
                       nearest=True)  # fmt: skip
    return np.asarray(np.round(on_grid[run.brain]), dtype=np.int64)


def _networks(run: Run, grey: np.ndarray) -> dict[str, Block]:
    """Correlation, partial correlation and graph of the network nodes."""
    points, every = atlas.nodes()
    near = connectivity.node_labels(run.brain, run.affine, run.matrix, points)
    signals = LabelMeans(np.where(grey, near, 0), len(points)).of(run.values)
    have = ~np.isnan(signals[0])
    if have.mean() < connectivity.MIN_NODES:
        lack = Block(reason=f"{int(have.sum())} of {len(points)} network nodes in the image")
        return dict.fromkeys(("fmri_connectivity", "fmri_partial", "fmri_graph"), lack)
    left = run.model.residual(signals[run.model.used][:, have])
    networks = [n for n, h in zip(every, have, strict=True) if h]
    correlation = connectivity.pearson(left)
    given = connectivity.fisher_z(connectivity.partial(left))
    run.told["nodes_used"] = int(have.sum())
    return {
        "fmri_connectivity": Block(connectivity.between(connectivity.fisher_z(correlation), networks, "connectivity")),
        "fmri_partial": Block(connectivity.between(given, networks, "partial")),
        "fmri_graph": Block(graph.features(correlation, networks)),
    }


def _activity(run: Run, tr_s: float | None, settings: Settings, groups: regions.Grouping) -> Block:
    """ALFF and fALFF (where the repetition time is known) and ReHo."""
    maps = {}
    if tr_s is not None:
        alff, falff = activity.amplitudes(run.values, run.unfiltered, tr_s, settings.band_hz)
        maps["alff"] = alff / np.nanmean(alff), BRAIN
        maps["falff"] = falff, "fraction"
    maps["reho"] = activity.reho(run.values, run.model, run.brain), "Kendall's W"
    return Block(regions.features(groups, maps))
