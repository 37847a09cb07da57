"""Rows of pharmacogenes.tsv and the content of each patient's pharmacogenes.json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.genomics.cohort.genotypes import Genotypes
from consilium.genomics.stars.copies import UNKNOWN
from consilium.genomics.stars.observed import observe, observe_loci, with_file_bases
from consilium.genomics.stars.origins import Shares, weights_of
from consilium.genomics.stars.pharmacogenes import Finding, call_cohort, not_called

if TYPE_CHECKING:
    from consilium.genomics.stars.tables import Gene

NO_GENOTYPES = "no genotypes of this patient"
NEEDS_MORE = "needs an outside call (kind pgx_calls)"  # genes that a VCF alone cannot tell: copies, hybrids, HLA


def call_patients(
    genes: Mapping[str, Gene],
    genotypes: Genotypes,
    patients: Sequence[str],
    sexes: Mapping[str, str] | None = None,
    ancestry: Mapping[str, Shares] | None = None,
    combinations: bool = False,
) -> dict[str, list[Finding]]:
    """Patient of the sheet -> one finding per gene; without genotypes every gene is not called. sexes, ancestry: by
    patient; combinations: name them where no pair of alleles fits (research)."""
    at = {sample: i for i, sample in enumerate(genotypes.samples)}
    sex = [(sexes or {}).get(sample, UNKNOWN) for sample in genotypes.samples]
    shares = [(ancestry or {}).get(sample) for sample in genotypes.samples]
    out: dict[str, list[Finding]] = {patient: [] for patient in patients}
    for gene in genes.values():
        called = _call_gene(gene, genotypes, sex, shares, combinations) if at and gene.loci else []
        none = not_called(gene, NO_GENOTYPES if gene.loci else NEEDS_MORE)
        for patient in patients:
            out[patient].append(called[at[patient]] if called and patient in at else none)
    return out


def _call_gene(
    gene: Gene, genotypes: Genotypes, sexes: Sequence[str], shares: Sequence[Shares | None], combinations: bool
) -> list[Finding]:
    """combinations: bases that no allele has are kept as they are, and half calls are read, as their rule needs."""
    if combinations and gene.strategy == "named":
        gene = with_file_bases(genotypes, gene)
    weights = [weights_of(gene.populations, s) for s in shares]
    found = call_cohort(gene, observe(genotypes, gene, combinations), sexes, weights, combinations)
    if not gene.extra:
        return found
    codes = observe_loci(genotypes, gene.extra).codes
    shown = {key: _genotypes(gene, key) for key in {c.tobytes(): c for c in codes}}
    return [replace(f, extra=shown[c.tobytes()]) for f, c in zip(found, codes, strict=True)]


def _genotypes(gene: Gene, codes: bytes) -> tuple[dict[str, str], ...]:
    """Bases at the gene's further positions: "untested" where there is no call."""
    rows = np.frombuffer(codes, dtype=np.int8).reshape(-1, 2)
    out = []
    for locus, pair in zip(gene.extra, rows, strict=True):
        bases = (locus.ref, *locus.alts)
        text = "/".join(bases[c] for c in sorted(pair)) if (pair >= 0).all() else "untested"
        out.append({"rsid": locus.rsid, "position": locus.name, "genotype": text})
    return tuple(out)


def finding_row(patient: str, finding: Finding) -> dict[str, Any]:
    """One row of pharmacogenes.tsv."""
    return {
        "patient": patient,
        "gene": finding.gene,
        "diplotypes": " or ".join(finding.diplotypes),
        "phenotypes": " or ".join(finding.phenotypes),
        "activity_score": finding.activity_score,
        "call": finding.call,
        "excluded_probability": finding.excluded_probability,
        "untested": len(finding.untested),
        "phased": finding.phased,
        "reason": finding.reason,
        "origin": finding.origin,
    }


def findings_json(findings: Sequence[Finding], known: dict[int, str]) -> str:
    """pharmacogenes.json: a list, one gene a line; numbers that are not known are null.

    known: texts of findings by their identity: people with the same bases share one finding, written once.
    """
    return "[\n" + ",\n".join(known.get(id(f)) or known.setdefault(id(f), _line(f)) for f in findings) + "\n]\n"


def _line(finding: Finding) -> str:
    cells = finding.to_dict().items()
    row = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in cells}
    return json.dumps(row, ensure_ascii=False)
