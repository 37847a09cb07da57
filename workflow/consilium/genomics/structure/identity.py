"""Whose reads are these? Allele counts of reads against the genotypes of every patient of the cohort.

For a patient's genotypes G the evidence is the log-likelihood ratio of "the reads come from a person with genotypes
G" against "from some other person of the best-fitting population": per site
ln [(1 - d) P(reads | G) + d P(reads)] - ln P(reads), with d the share of wrong genotypes that is tolerated and the
estimated contamination built into P. Every discordant site costs, every concordant one gains, so that relatives
come out negative too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.sheets import Sample
from consilium.core.store import read_facts
from consilium.genomics.intake.panel import Panel
from consilium.genomics.intake.patient import read_counts
from consilium.genomics.reads.alignments import Counts
from consilium.genomics.structure.contamination import Contamination, genotype_prior, mixture

if TYPE_CHECKING:
    import pandas as pd

GENOTYPE_ERROR = 0.01
DECISIVE = 10.0  # natural-log evidence that is needed for a verdict, either way
MINIMUM_SITES = 5
_CONFIDENT = 0.99  # posterior from which a genotype read off the counts enters the concordance

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """One reads sample against each patient (patient,): evidence, concordance (NaN without sites), sites compared."""

    evidence: Floats
    concordance: Floats
    n_sites: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Verdict:
    verdict: str  # match, swap or not assessed
    likely_patient: str
    reason: str


def compare(counts: Counts, genotypes: npt.NDArray[np.int8], panel: Panel, contamination: Contamination) -> Comparison:
    """Compare reads with `genotypes` (site, patient): ALT count 0 to 2, -1 = no call, in panel order."""
    chosen = (counts.n_ref + counts.n_alt) > 0
    alpha = 0.0 if np.isnan(contamination.alpha) else contamination.alpha
    log_reads = mixture(counts, chosen, alpha)
    top = log_reads.max(axis=(1, 2), keepdims=True)
    reads = np.exp(log_reads - top)
    priors = [genotype_prior(panel.frequency[chosen, k]) for k in range(panel.frequency.shape[1])]
    anybody = [np.einsum("sij,si,sj->s", reads, p, p) for p in priors]
    best = int(np.argmax([np.log(a).sum() for a in anybody]))
    prior = priors[best]
    given = np.einsum("sij,sj->si", reads, prior)  # P(reads | own genotype)
    mixed = (1 - GENOTYPE_ERROR) * given + GENOTYPE_ERROR * anybody[best][:, None]
    gain = np.log(mixed) - np.log(anybody[best])[:, None]
    wanted = genotypes[chosen]
    called = wanted >= 0
    picked = np.take_along_axis(gain, np.maximum(wanted, 0).astype(np.int64), axis=1)
    posterior = given * prior
    posterior /= posterior.sum(axis=1, keepdims=True)
    confident = (posterior.max(axis=1) >= _CONFIDENT)[:, None] & called
    same = confident & (posterior.argmax(axis=1)[:, None] == wanted)
    n = confident.sum(axis=0)
    with np.errstate(invalid="ignore"):
        concordance = np.where(n > 0, same.sum(axis=0) / np.maximum(n, 1), np.nan)
    return Comparison(np.where(called, picked, 0).sum(axis=0), concordance, n)


def judge(comparison: Comparison, patients: list[str], own: int | None, usable: npt.NDArray[np.bool_]) -> Verdict:
    """Verdict on one reads sample; `own` is the patient's index, `usable` marks genotypes not called from reads."""
    evidence = np.where(usable & (comparison.n_sites >= MINIMUM_SITES), comparison.evidence, -np.inf)
    best = int(evidence.argmax()) if len(evidence) else -1
    fits = patients[best] if best >= 0 and evidence[best] > DECISIVE else ""
    if own is None or not usable[own]:
        reason = "no genotypes of this patient from another source than these reads"
        if fits:
            return Verdict("swap", fits, f"{reason}; the reads fit {fits}")
        return Verdict("not assessed", "", reason)
    n = int(comparison.n_sites[own])
    if n < MINIMUM_SITES:
        return Verdict("not assessed", "", f"{n} sites with reads and own genotypes; {MINIMUM_SITES} are needed")
    value = comparison.evidence[own]
    if value > DECISIVE:
        return Verdict("match", "", "")
    if value < -DECISIVE:
        where = f"; they fit {fits}" if fits else "; no other patient fits"
        return Verdict("swap", fits, f"the reads contradict the patient's genotypes (ln evidence {value:.0f}){where}")
    return Verdict("not assessed", fits, f"too little evidence either way (ln evidence {value:.1f} at {n} sites)")


def row(
    entry: dict[str, Any], given: Sequence[Sample], patients: list[str], at_panel: npt.NDArray[np.int8],
    origin: Mapping[str, str], panel: Panel, max_contamination: float,
) -> dict[str, Any]:  # fmt: skip
    """One row of table identity from a patient's entry in the manifest of the reads stage."""
    patient = entry["patient"]
    folder = Path(entry["folder"])
    sample = next((s.sample for s in given if s.patient == patient), "")
    out = {"patient": patient, "sample": sample, "n_sites": 0, "concordance": float("nan"), "verdict": "not assessed",
           "likely_patient": "", "contamination": float("nan"), "contamination_verdict": "not assessed",
           "mean_depth": float("nan"), "reason": ""}  # fmt: skip
    if entry["status"] != "done" or not (folder / "qc.json").exists():
        return {**out, "reason": "reads not usable: " + "; ".join(p["found"] for p in entry["problems"])}
    facts = read_facts(folder / "qc.json")
    used = next((s.sample for s in given if s.patient == patient and s.path == facts["file"]), sample)
    share = Contamination(
        _number(facts["contamination"]), _number(facts["contamination_statistic"]), facts["contamination_sites"]
    )
    comparison = compare(read_counts(folder / "counts.tsv"), at_panel, panel, share)
    own = patients.index(patient) if patient in patients else None
    usable = np.array([origin.get(p) != "reads" for p in patients], dtype=bool)
    verdict = judge(comparison, patients, own, usable)
    compared = own is not None and usable[own]
    foreign = share.verdict(max_contamination)
    notes = [verdict.reason, facts["contamination_reason"]]
    if foreign == "contaminated":
        notes.append(f"about {share.alpha:.1%} of the reads are of somebody else (limit {max_contamination:.1%})")
    return {
        **out,
        "sample": used,
        "n_sites": int(comparison.n_sites[own]) if compared else 0,
        "concordance": float(comparison.concordance[own]) if compared else float("nan"),
        "verdict": verdict.verdict,
        "likely_patient": verdict.likely_patient,
        "contamination": share.alpha,
        "contamination_verdict": foreign,
        "mean_depth": _number(facts["mean_depth"]),
        "reason": "; ".join(n for n in notes if n),
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Table identity, one row a patient with reads."""
    import pandas as pd

    from consilium.core.register import TABLES

    return pd.DataFrame(rows, columns=[c.name for c in TABLES["identity"].columns])
