"""New patients against the training patients' statistics: by feature, embedding and patient. Nothing is fitted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from consilium.learn.bundle import joint, reference
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.fusion.model import BlockModel, Trained

Array = np.ndarray
Facts = dict[str, Any]
MIN_PATIENTS = 20  # new patients; below it no test says anything
FDR = 0.05
MODERATE, LARGE = 0.1, 0.25  # population stability index, as is usual
MISSING_MODERATE, MISSING_LARGE = 0.1, 0.25  # change of the share missing


def new_shares(x: Array, bins: Facts) -> Array:
    """Share of the finite values of `x` in each bin of the reference (x <= edge to the left)."""
    counts = np.bincount(np.searchsorted(bins["edges"], x, side="left"), minlength=len(bins["shares"]))
    return counts / max(len(x), 1)


def psi(new: Array, old: Array, n_new: int, n_old: int) -> float:
    """Population stability index, sum of (new - old) ln(new / old) (doi:10.21314/JRMV.2020.227); half a patient is
    added to every bin, so that an empty one does not make it infinite."""
    k = len(new)
    a, b = (new * n_new + 0.5) / (n_new + 0.5 * k), (old * n_old + 0.5) / (n_old + 0.5 * k)
    return float(((a - b) * np.log(a / b)).sum())


def psi_of_chance(bins: int, n_new: int, n_old: int) -> float:
    """95 % point of the index where nothing changed: (1/n + 1/m) chi-square of bins - 1 (same source)."""
    from scipy.special import chdtri

    return float(chdtri(bins - 1, 0.05)) * (1 / n_new + 1 / n_old) if bins > 1 else 0.0


def ks(new: Array, old: Array, n_new: int, n_old: int) -> tuple[float, float]:
    """(largest difference of the distribution functions at the edges, its asymptotic p value).

    Taken at the edges only, the difference is never too large. Kolmogorov's limit with Stephens' correction
    (doi:10.1080/01621459.1974.10480196).
    """
    from scipy.special import kolmogorov

    d = float(np.abs(np.cumsum(new) - np.cumsum(old)).max(initial=0.0))
    n = math.sqrt(n_new * n_old / (n_new + n_old))
    return d, float(kolmogorov((n + 0.12 + 0.11 / n) * d))


def two_shares(a: float, n: int, b: float, m: int) -> float:
    """Two-sided p value of the difference of two shares (pooled normal test, half a patient added to each count)."""
    pooled = (a * n + b * m + 1) / (n + m + 2)
    se = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return math.erfc(abs(a - b) / se / math.sqrt(2))


def adjusted(p: Array) -> Array:
    """Benjamini and Hochberg's q values (doi:10.1111/j.2517-6161.1995.tb02031.x); NaN stays and does not count."""
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out


def auc_of(new: Array, bins: Facts) -> tuple[float, float, float]:
    """P(a new value lies above a training value), with its 95 % interval (doi:10.1148/radiology.143.1.7063747).

    From the training bins alone; within one bin a pair counts half.
    """
    shares, old = new_shares(new, bins), np.array(bins["shares"])
    a = float((shares * (np.cumsum(old) - 0.5 * old)).sum())
    n, m = len(new), bins["n"]
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m)
    half = 1.96 * math.sqrt(max(variance, 0.0))
    return a, max(a - half, 0.0), min(a + half, 1.0)


def feature_rows(known: Facts, model: BlockModel, block: Block) -> list[Facts]:
    """Rows of table `drift` for one block, without q values; `lacking` where nobody has a value."""
    raw, _ = reference.columns(model, block)
    here = raw[block.present]
    return [
        {"block": model.name, "kind": "feature", **_one(about, x)}
        for about, x in zip(known["features"], here.T, strict=True)
    ]  # fmt: skip


def _one(about: Facts, x: Array) -> Facts:
    seen = x[np.isfinite(x)]
    row: Facts = {"feature": about["feature"], "weight": about["weight"], "missing_training": about["missing"],
                  "n": len(seen), "missing": float(1 - len(seen) / len(x)) if len(x) else float("nan")}  # fmt: skip
    bins = about["bins"]
    n_old = bins["n"] if bins else 0
    trained_on = n_old / max(1 - about["missing"], 1e-9)
    if len(x) >= MIN_PATIENTS and n_old:
        row["p_missing"] = two_shares(row["missing"], len(x), about["missing"], round(trained_on))
    return row | (compared(seen, bins) if bins and len(seen) >= MIN_PATIENTS else {})


def compared(seen: Array, bins: Facts) -> Facts:
    """psi, psi_chance, ks, p, where the middle of the new values lies in the training patients' (share below)."""
    new, old = new_shares(seen, bins), np.array(bins["shares"])
    d, p = ks(new, old, len(seen), bins["n"])
    cumulative = np.cumsum(old) - 0.5 * old
    return {
        "psi": psi(new, old, len(seen), bins["n"]), "psi_chance": psi_of_chance(len(old), len(seen), bins["n"]),
        "ks": d, "p": p, "place": float((new * cumulative).sum()),
    }  # fmt: skip


def embedding_rows(known: Facts, points: Array) -> list[Facts]:
    rows = []
    for name, bins, x in zip(known["names"], known["bins"], points.T, strict=True):
        seen = x[np.isfinite(x)]
        row: Facts = {"block": name.split(" ")[0], "kind": "embedding", "feature": f"evidence of {name}",
                      "n": len(seen)}  # fmt: skip
        rows.append(row | (compared(seen, bins) if bins and len(seen) >= MIN_PATIENTS else {}))
    return rows


def judged(rows: list[Facts]) -> list[Facts]:
    """Rows with q values over all tests of the table, and the verdict: large, moderate, none or not assessed."""
    p = np.array([[r.get("p", np.nan), r.get("p_missing", np.nan)] for r in rows], dtype=float).reshape(-1, 2)
    q = adjusted(p.ravel()).reshape(-1, 2)
    pairs = zip(rows, q.tolist(), strict=True)
    return [r | {"q": a, "q_missing": b, "verdict": _verdict(r, a, b)} for r, (a, b) in pairs]


def index_of(row: Facts) -> float:
    """The stability index where the distribution changed beyond chance, else 0."""
    proven = row["q"] <= FDR and row["psi"] > row["psi_chance"] if "psi" in row else False
    return float(row["psi"]) if proven else 0.0


def gap_of(row: Facts) -> float:
    """Change of the share missing where it is beyond chance, else 0."""
    proven = "p_missing" in row and row["q_missing"] <= FDR
    return abs(row["missing"] - row["missing_training"]) if proven else 0.0


def _verdict(row: Facts, q: float, q_missing: float) -> str:
    if row.get("missing") == 1.0 and row["missing_training"] < 1.0:
        return "lacking"
    if "psi" not in row and "p_missing" not in row:
        return "not assessed"
    known = row | {"q": q, "q_missing": q_missing}
    change, index = gap_of(known), index_of(known)
    if index >= LARGE or change >= MISSING_LARGE:
        return "large"
    return "moderate" if index >= MODERATE or change >= MISSING_MODERATE else "none"


def examine(known: Facts, trained: Trained, cohort: Cohort) -> tuple[list[Facts], Facts, list[str]]:
    """(rows of table `drift`, domain facts, caution of each patient or ""); `cohort` aligned to the bundle."""
    rows: list[Facts] = []
    presence, domain = [], []
    for about, model in zip(known["blocks"], trained.blocks, strict=True):
        block = cohort.block(model.name)
        if block is None:
            presence.append({"block": model.name, "training": about["present"], "here": 0.0})
            continue
        presence.append({"block": model.name, "training": about["present"], "here": float(block.present.mean())})
        rows += feature_rows(about, model, block)
        unusual = model.design.unusual(block)[block.present]
        if about["unusual"] and len(unusual) >= MIN_PATIENTS:
            domain.append({"score": f"values of {model.name}", **_interval(auc_of(unusual, about["unusual"]))})
    parts = trained.parts(cohort)
    points = reference.embedding(parts.base, parts.mask)
    away = reference.distances(points, known["embedding"])
    rows += embedding_rows(known["embedding"], points)
    some = parts.mask.any(axis=1)
    if known["embedding"]["distance"] and some.sum() >= MIN_PATIENTS:
        auc = auc_of(away[some], known["embedding"]["distance"])
        domain.append({"score": "distance in what the models say", **_interval(auc)})
    far = away > known["embedding"]["far"]
    nearest = nearest_centroid(points, known["embedding"])
    counts = np.bincount(nearest[some & (nearest >= 0)], minlength=len(known["embedding"]["centroids"]))
    facts = {"presence": presence, "domain": domain, "far": int(far.sum()), "n": len(cohort.patients),
             "joint": joint.examine(known["joint"], trained, cohort),
             **_mix(counts, known["embedding"]["centroids"])}  # fmt: skip
    said = "what the models say lies beyond the farthest 1 % of the training patients"
    return judged(rows), facts, [said if f else "" for f in far]


def _mix(counts: Array, centroids: list[Facts]) -> Facts:
    """Shares of patients nearest to each centroid, here and at training, and the chi-square test of both."""
    from scipy.special import chdtrc

    old = np.array([c["n"] for c in centroids], dtype=float)
    rows = [{"training": float(b / old.sum()), "here": float(a / max(counts.sum(), 1))}
            for a, b in zip(counts, old, strict=True)]  # fmt: skip
    if len(old) < 2 or counts.sum() < MIN_PATIENTS:
        return {"centroids": rows, "centroids_p": None}
    both = np.stack([counts, old])
    expected = both.sum(axis=1, keepdims=True) * both.sum(axis=0) / both.sum()
    return {"centroids": rows, "centroids_p": float(chdtrc(len(old) - 1, ((both - expected) ** 2 / expected).sum()))}


def _interval(found: tuple[float, float, float]) -> Facts:
    return dict(zip(("auc", "lower", "upper"), found, strict=True))


def nearest_centroid(points: Array, shape: Facts) -> Array:
    """Index of each row's nearest centroid in units of the training SD; -1 where there is none."""
    if not shape["centroids"]:
        return np.full(len(points), -1)
    sd = np.sqrt(np.diag(np.array(shape["covariance"])))
    centres = np.array([c["centre"] for c in shape["centroids"]])
    z = (points[:, None] - centres[None]) / sd
    near: Array = np.argmin((np.where(np.isfinite(z), z, 0.0) ** 2).sum(axis=2), axis=1)
    return near
