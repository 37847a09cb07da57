"""Star-allele definitions as arrays: resources/star_alleles/*.tsv read once, one record a gene."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

REFERENCE = 0  # code of the reference base at a locus; k = k-th alternative base
UNSEEN_POPULATION = "all"
UNASSIGNED = "Unassigned function"  # the source says nothing of this allele
_HEADER_ROW = "chromosomes"  # row of frequencies.tsv that holds the number of chromosomes

_RANK = {
    "Malignant Hyperthermia associated": 0.0, "Normal function": 1.0,
    "ivacaftor responsive": 0.0, "ivacaftor non-responsive": 1.0,
    "Increased risk of aminoglycoside-induced hearing loss": 0.0,
    "Normal risk of aminoglycoside-induced hearing loss": 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Locus:
    """One defining position. `alts` in code order: alternative k has code k.

    last: last base up to which the insertion or deletion can be moved without changing the sequence.
    """

    chrom: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    rsid: str
    last: int

    @property
    def name(self) -> str:
        return f"{self.chrom}:{self.pos}"

    @property
    def is_indel(self) -> bool:
        return any(len(a) != len(self.ref) for a in self.alts)


@dataclass(frozen=True)
class Gene:
    """Everything that calling one gene needs.

    accepts (allele, locus): bit k set = code k is accepted there (blank cells accept the reference base only).
    explicit (allele, locus): the definition names the base: counts for the score.
    frequencies (population, allele): share of chromosomes, rows sum to at most 1; all NaN when unknown.
    """

    name: str
    chrom: str
    strategy: str  # named, lowest_function, outside (never read from genotypes)
    undocumented: str  # no_call, reference
    key: str
    version: str
    assigned: str  # version of the functions and phenotypes
    copies: str  # 2; x: two in women, one in men; mt: one
    loci: tuple[Locus, ...]
    alleles: tuple[str, ...]
    core: tuple[str, ...]
    functions: tuple[str, ...]
    activity: npt.NDArray[np.float64]
    accepts: npt.NDArray[np.int64]
    explicit: npt.NDArray[np.bool_]
    phenotype_of: dict[tuple[str, str], tuple[str, float]]  # empty: the source assigns no phenotype to this gene
    populations: tuple[str, ...]
    frequencies: npt.NDArray[np.float64]
    required: tuple[int, ...] = ()  # loci without which nothing is said of the gene
    preferred: dict[frozenset[str], str] = field(default_factory=dict)  # open without phase -> taken
    extra: tuple[Locus, ...] = ()  # positions that define no allele, but that a guideline asks for

    @property
    def reference(self) -> int:
        """Index of the allele that has the reference base everywhere."""
        return int(np.argmax((self.accepts == 1).all(axis=1) & self.explicit.all(axis=1)))

    @property
    def rank(self) -> npt.NDArray[np.float64]:
        """(allele,): which variant counts where the lowest function does: the activity; without activities 0 for the
        associated (or responsive) allele, 0.5 for one of unknown function (it may be one), 1 for normal function."""
        if not np.isnan(self.activity).all():
            return self.activity
        return np.array([_RANK.get(function, 0.5) for function in self.functions])

    def locus(self, rsid: str) -> int | None:
        return next((i for i, locus in enumerate(self.loci) if locus.rsid == rsid), None)

    def wobbles(self) -> npt.NDArray[np.bool_]:
        """(allele, locus): the definition takes the reference base or another one."""
        return self.explicit & (self.accepts & 1 == 1) & (self.accepts > 1)


def read_genes(folder: Path) -> dict[str, Gene]:
    """All genes of a folder of star-allele tables, in the order of genes.tsv."""
    tables = {name: _rows(folder / f"{name}.tsv") for name in ("genes", "positions", "alleles", "phenotypes")}
    for name in ("frequencies", "preferred"):
        path = folder / f"{name}.tsv"
        tables[name] = _rows(path) if path.exists() else []
    grouped = {name: _by_gene(rows) for name, rows in tables.items()}
    order = ("positions", "alleles", "phenotypes", "frequencies", "preferred")
    return {row["gene"]: _gene(row, *(grouped[t][row["gene"]] for t in order)) for row in tables["genes"]}


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def _by_gene(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    out: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        out[row["gene"]].append(row)
    return out


def _gene(
    facts: dict[str, str],
    positions: list[dict[str, str]],
    alleles: list[dict[str, str]],
    phenotypes: list[dict[str, str]],
    counts: list[dict[str, str]],
    preferred: list[dict[str, str]],
) -> Gene:
    loci, extra = (tuple(_locus(r) for r in positions if r["role"] == role) for role in ("defining", "extra"))
    accepts, explicit = _definitions(loci, [a["definition"] for a in alleles if loci])
    names = tuple(a["allele"] for a in alleles)
    populations, frequencies = allele_frequencies(names, counts)
    return Gene(
        facts["gene"], facts["chrom"], facts["strategy"], facts["undocumented"], facts["key"], facts["version"],
        facts["functions"], facts["copies"],
        loci, names, tuple(a["core"] for a in alleles), tuple(a["function"] for a in alleles),
        np.array([float(a["activity"].removeprefix("≥") or "nan") for a in alleles]), accepts, explicit,
        {(p["function_1"], p["function_2"]): (p["phenotype"], float(p["activity_score"] or "nan"))
         for p in phenotypes},
        populations, frequencies,
        tuple(i for i, locus in enumerate(loci) if str(locus.pos) in facts["required"].split(";")),
        {frozenset(row["diplotypes"].split("|")): row["take"] for row in preferred},
        extra,
    )  # fmt: skip


def _locus(row: dict[str, str]) -> Locus:
    alts = tuple(row["alts"].split(","))
    return Locus(row["chrom"], int(row["pos"]), row["ref"], alts, row["rsid"], int(row["last"]))


def _definitions(loci: tuple[Locus, ...], spelled: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    index = {locus.pos: i for i, locus in enumerate(loci)}
    accepts = np.ones((len(spelled), len(loci)), dtype=np.int64)
    explicit = np.zeros((len(spelled), len(loci)), dtype=bool)
    for row, text in enumerate(spelled):
        if text == "all":
            explicit[row] = True
            continue
        for cell in text.split(";"):
            position, choice = cell.split(":")
            at = index[int(position)]
            codes = [(loci[at].ref, *loci[at].alts).index(base) for base in choice.split("|")]
            accepts[row, at] = sum(1 << code for code in codes)
            explicit[row, at] = True
    return accepts, explicit


def allele_frequencies(
    names: tuple[str, ...], counts: list[dict[str, str]]
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """(population, allele) frequencies from counts of chromosomes, with the unseen given their due.

    Alleles never seen share the Good-Turing mass n1 / N in every population, n1 = alleles seen once (at least 1), N =
    chromosomes of all populations (doi 10.1093/biomet/40.3-4.237). A population's own count is shrunk towards the
    pooled frequency by 10 chromosomes, so that an allele seen elsewhere only is not impossible there.
    """
    rows = {r["allele"]: r for r in counts}
    if _HEADER_ROW not in rows:
        return (UNSEEN_POPULATION,), np.full((1, len(names)), np.nan)
    populations = tuple(k for k in counts[0] if k not in ("gene", "allele"))
    n = np.array([float(rows[_HEADER_ROW][p]) for p in populations])
    seen = np.array([[float(rows[a][p]) if a in rows else 0.0 for a in names] for p in populations])
    pooled = seen.sum(axis=0) / n.sum()
    unseen = pooled == 0
    shrink = 10.0
    frequencies = (seen + shrink * pooled) / (n[:, None] + shrink)
    if unseen.any():
        mass = max(int((seen.sum(axis=0) == 1).sum()), 1) / n.sum()
        frequencies[:, unseen] = mass / unseen.sum()
    return populations, frequencies
