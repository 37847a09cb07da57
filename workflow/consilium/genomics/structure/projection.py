"""Patients in the space of the reference's principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consilium.genomics.structure.components import Components

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """Per patient: scores (patient, component), what gaps add to their covariance (patient, component, component),
    unexplained variance per site (patient,), sites used (patient,). NaN without enough sites."""

    scores: Floats
    noise: Floats
    residual: Floats
    n_sites: npt.NDArray[np.int64]


def project(counts: npt.NDArray[np.int8], reference: Components, minimum_sites: int) -> Projection:
    """Least-squares scores of `counts` (site, patient; ALT alleles, negative = no call) over the called sites.

    With loadings V, standardised genotypes x and the called sites c: t = (V_c' V_c)^-1 V_c' x_c, so that a gap is no
    pull to the centre. For everybody called everywhere this is plain projection. A gap adds
    s^2 [(V_c' V_c)^-1 - I] to the covariance of t, with s^2 the variance per site that the components leave.
    """
    called = counts >= 0
    standard = np.where(called, (counts - reference.centre[:, None]) / reference.scale[:, None], 0.0)
    k = reference.loadings.shape[1]
    n = called.sum(axis=0).astype(np.int64)
    size = counts.shape[1]
    scores, noise = np.full((size, k), np.nan), np.full((size, k, k), np.nan)
    residual = np.full(size, np.nan)
    left = float(reference.residual_mean.mean())
    products = reference.loadings.T @ standard  # (component, patient)
    for i in np.flatnonzero(n >= max(minimum_sites, 2 * k)):
        loadings = reference.loadings[called[:, i]]
        inverse = np.linalg.inv(loadings.T @ loadings)
        scores[i] = inverse @ products[:, i]
        noise[i] = left * (inverse - np.eye(k))
        unexplained = standard[called[:, i], i] - loadings @ scores[i]
        residual[i] = unexplained @ unexplained / (n[i] - k)
    return Projection(scores, noise, residual, n)


def densities(projection: Projection, reference: Components) -> tuple[Floats, Floats]:
    """ln density of each patient's scores and squared Mahalanobis distance, both (patient, population).

    Under the population's normal distribution, widened by what the patient's gaps add.
    """
    apart = projection.scores[:, None, :] - reference.mean[None]
    spread = reference.covariance[None] + projection.noise[:, None]
    known = ~np.isnan(projection.residual)
    squared = np.full(apart.shape[:2], np.nan)
    log_density = np.full(apart.shape[:2], np.nan)
    solved = np.linalg.solve(spread[known], apart[known][..., None])[..., 0]
    squared[known] = (apart[known] * solved).sum(axis=2)
    log_density[known] = -0.5 * (squared[known] + np.linalg.slogdet(spread[known])[1])
    return log_density, squared


def outside_probability(projection: Projection, squared: Floats, reference: Components) -> Floats:
    """Per patient: share of people of the nearest population who lie as far out as the patient, or farther. NaN: none.

    Distance: squared Mahalanobis distance in the components plus the square of what they leave unexplained beyond
    the population's mean, in its standard deviations (as many degrees of freedom as components, and one more).
    """
    from scipy.stats import chi2

    k = reference.loadings.shape[1]
    known = ~np.isnan(projection.residual)
    nearest = np.where(known[:, None], squared, 0).argmin(axis=1)
    wider = np.sqrt(len(reference.panel) / np.maximum(projection.n_sites, 1))
    excess = (projection.residual - reference.residual_mean[nearest]) / (reference.residual_sd[nearest] * wider)
    distance = squared[np.arange(len(squared)), nearest] + np.maximum(excess, 0) ** 2
    return np.asarray(np.where(known, chi2.sf(distance, k + 1), np.nan))
