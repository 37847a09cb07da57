"""Rows of the tables: variants found in a patient's genes, and what was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consilium.genomics.findings import assessed as seen
from consilium.genomics.findings.carriers import Carrier, Compared
from consilium.genomics.findings.gene_lists import Gene, GeneList
from consilium.genomics.findings.regions import Annotation
from consilium.genomics.findings.verdicts import POSSIBLE, TRUNCATING, judge

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
Key = tuple[str, int, str, str]
NO_GENOTYPES = "no genotypes of this patient"
RANKED = "HPO ranking"
UNCLASSIFIED = "none of P, LP or disputed in ClinVar"


@dataclass(frozen=True)
class Ranked:
    """A gene's best place for a patient's HPO terms; copies: 2 where published cases have both strands affected."""

    rank: int
    disease: str
    copies: int = 0


@dataclass(frozen=True)
class World:
    """All that findings are made of. compared is None where ClinVar could not be used: `refused` says why.

    computed: (patient, gene) -> variant -> its worst consequence row. ranks: patient -> gene -> its best place in
    the HPO ranking. column: patient -> column of Compared.tested.
    """

    genes: GeneList
    release: str
    sexes: Mapping[str, str]
    sources: Mapping[str, str]
    compared: Compared | None
    refused: str = ""
    annotation: Annotation | None = None
    looked: Mapping[str, seen.Looked] = field(default_factory=dict)
    depths: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    computed: Mapping[tuple[str, str], Mapping[Key, Row]] = field(default_factory=dict)
    ranks: Mapping[str, Mapping[str, Ranked]] = field(default_factory=dict)
    column: Mapping[str, int] = field(default_factory=dict)

    def genes_of(self, patient: str) -> Iterator[tuple[Gene, str]]:
        """(gene, name of the list it is on): the list's genes, then those ranked high for the patient's terms."""
        for gene in self.genes.genes.values():
            yield gene, self.genes.name
        ranks = self.ranks.get(patient, {})
        for symbol in sorted(ranks, key=lambda s: (ranks[s].rank, s)):
            if symbol not in self.genes.genes:
                rule = "two" if ranks[symbol].copies == 2 else "all"
                yield Gene(symbol, ranks[symbol].disease, "", rule), RANKED


def computed_of(worst: pd.DataFrame) -> dict[tuple[str, str], dict[Key, Row]]:
    """(patient, gene) -> variant -> row, of the table of worst consequences."""
    out: dict[tuple[str, str], dict[Key, Row]] = {}
    for row in worst.to_dict("records"):
        key = (row["chrom"], int(row["pos"]), row["ref"], row["alt"])
        out.setdefault((row["patient"], row["gene"]), {})[key] = row
    return out


def ranks_of(ranking: pd.DataFrame) -> dict[str, dict[str, Ranked]]:
    """Patient -> gene -> its best place, of the table of ranked diseases."""
    out: dict[str, dict[str, Ranked]] = {}
    known = ranking.assign(copies=ranking["copies"].fillna(0))
    for row in known.sort_values(["patient", "rank"]).itertuples():
        for gene in filter(None, row.genes.split(", ")):
            out.setdefault(row.patient, {}).setdefault(gene, Ranked(int(row.rank), row.disease, int(row.copies)))
    return out


def rows(world: World, patients: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """(variants found, genes looked at): the first in the order of patient, gene list and position."""
    found: list[Row] = []
    looked: list[Row] = []
    carried: dict[tuple[str, str], list[Carrier]] = {}
    for carrier in world.compared.carriers if world.compared else []:
        for symbol in carrier.entry.genes:
            carried.setdefault((carrier.patient, symbol), []).append(carrier)
    for patient in patients:
        for gene, listed in world.genes_of(patient):
            mine = carried.get((patient, gene.symbol), [])
            own = [_found(patient, gene, listed, world, c, v) for c, v in _judged(patient, gene, mine, world)]
            own += _unclassified(patient, gene, listed, world, {c.entry.key for c in mine})
            found += own
            looked.append(_looked(patient, gene, listed, world, len(own)))
    return found, looked


def _judged(patient: str, gene: Gene, mine: Sequence[Carrier], world: World) -> Iterator[tuple[Carrier, Any]]:
    there = world.computed.get((patient, gene.symbol), {})
    terms = {key: [row["consequence"]] for key, row in there.items()}
    return zip(mine, judge(mine, gene, world.sexes.get(patient, ""), terms), strict=True)


def _found(patient: str, gene: Gene, listed: str, world: World, carrier: Carrier, verdict: Any) -> Row:
    e = carrier.entry
    computed = world.computed.get((patient, gene.symbol), {}).get(e.key, {})
    frequency = computed.get("frequency")
    return _base(patient, gene, listed, world, e.key) | {
        "variation_id": e.id, "significance": e.significance.text, "kind": e.significance.kind, "stars": e.stars,
        "review": e.review, "conflicts": "; ".join(f"{name} {n}" for name, n in e.conflicts),
        "diseases": "; ".join(e.diseases), "zygosity": verdict.zygosity, "phase": verdict.phase,
        "consequence": computed.get("consequence") or ", ".join(e.consequences),
        "consequence_by": "bcftools csq" if computed else "ClinVar" if e.consequences else "",
        "amino_acids": computed.get("amino_acids", ""),
        "frequency": e.frequency if frequency is None or frequency != frequency else frequency,
        "verdict": verdict.verdict, "reason": verdict.reason,
    }  # fmt: skip


def _base(patient: str, gene: Gene, listed: str, world: World, key: Key) -> Row:
    rank = world.ranks.get(patient, {}).get(gene.symbol)
    return dict(zip(("chrom", "pos", "ref", "alt"), key, strict=True)) | {
        "patient": patient, "gene": gene.symbol, "gene_list": listed, "phenotype": gene.phenotype,
        "inheritance": gene.inheritance, "hpo_rank": rank.rank if rank else None, "release": world.release,
    }  # fmt: skip


def _unclassified(patient: str, gene: Gene, listed: str, world: World, known: set[Key]) -> Iterator[Row]:
    """Rare truncating variants without a P, LP or disputed entry, in genes that the patient's terms point to."""
    if gene.symbol not in world.ranks.get(patient, {}):
        return
    for key, row in world.computed.get((patient, gene.symbol), {}).items():
        truncating = set(row["consequence"].split("&")) & TRUNCATING and row["biotype"] == "protein_coding"
        rare = row["rare"] if row["rare"] == row["rare"] and row["rare"] is not None else None
        if key in known or not truncating or rare is False:
            continue
        how = "rare" if rare else "of unknown frequency"
        yield _base(patient, gene, listed, world, key) | {
            "variation_id": "", "significance": UNCLASSIFIED, "kind": "", "stars": None, "review": "", "conflicts": "",
            "diseases": "", "zygosity": "homozygous" if row["copies"] == 2 else "one copy", "phase": "",
            "consequence": row["consequence"], "consequence_by": "bcftools csq", "amino_acids": row["amino_acids"],
            "frequency": row["frequency"], "verdict": POSSIBLE,
            "reason": f"truncating and {how}, in a gene ranked for the patient's terms",
        }  # fmt: skip


def _looked(patient: str, gene: Gene, listed: str, world: World, n_found: int) -> Row:
    n_sites = world.compared.n_sites.get(gene.symbol, 0) if world.compared else 0
    n_tested = 0
    if world.compared is None or patient not in world.column:
        why = world.refused if world.compared is None else NO_GENOTYPES
        coverage, said = seen.Coverage(seen.NOT, why), f"{seen.NOT}: {why}"
    else:
        coverage = seen.coverage(patient, gene.symbol, world.annotation, world.looked, world.depths,
                                 world.sources.get(patient, ""))  # fmt: skip
        if gene.symbol in world.compared.tested:
            n_tested = int(world.compared.tested[gene.symbol][world.column[patient]])
            if (inside := world.looked.get(patient)) is not None:
                n_tested += inside.n_inside(world.compared.silent.get(gene.symbol, []))
        said = seen.statement(coverage, n_found, n_sites, n_tested)
    return {
        "patient": patient, "gene": gene.symbol, "gene_list": listed, "status": coverage.status, "statement": said,
        "n_findings": n_found, "n_sites": n_sites, "n_sites_tested": n_tested, "n_bases": coverage.n_bases,
        "n_uncovered": coverage.n_uncovered, "coverage_by": coverage.source, "reason": coverage.reason,
        "release": world.release, "annotation": _annotated(world.annotation),
    }  # fmt: skip


def _annotated(annotation: Annotation | None) -> str:
    if annotation is None:
        return ""
    name = annotation.file.rpartition("/")[2]
    return f"{name} ({annotation.version})" if annotation.version else name
