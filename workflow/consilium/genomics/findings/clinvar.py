"""Reads a ClinVar VCF of any release: which variants of some genes are pathogenic, likely so, or disputed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from consilium.genomics.findings.significance import Significance, conflict, significance, stars, words
from consilium.genomics.intake import records
from consilium.genomics.intake.build import BUILD, KnownSites, SiteEvidence, build_of_lengths, canonical
from consilium.genomics.intake.normalise import left_aligned
from consilium.genomics.intake.vcf_opening import lines_of
from consilium.genomics.intake.vcf_report import Report

if TYPE_CHECKING:
    from consilium.genomics.intake.normalise import Reference

_CONTIG = re.compile(r"##contig=<.*?ID=([^,>]+)(?:.*?length=(\d+))?")
_NO_DISEASE = {"not provided", "not specified", ".", ""}
_FREQUENCIES = ("AF_EXAC", "AF_TGP", "AF_ESP")
_MISMATCH_LIMIT = 0.1
DATE_UNKNOWN = "date not stated"


@dataclass(frozen=True, slots=True)
class Entry:
    """One variant of ClinVar in shortest, left-most form on GRCh38 ("chr1", 1-based).

    id: variation identifier. genes: symbols. stars: 0 to 4. conflicts: submissions by classification.
    consequences: molecular consequences by ClinVar (Sequence Ontology names). frequency: largest of those that ClinVar
    gives (ExAC, 1000 Genomes, GO-ESP); None where it gives none.
    """

    chrom: str
    pos: int
    ref: str
    alt: str
    id: str
    genes: tuple[str, ...]
    significance: Significance
    stars: int
    review: str
    conflicts: tuple[tuple[str, int], ...] = ()
    diseases: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    frequency: float | None = None

    @property
    def key(self) -> tuple[str, int, str, str]:
        return self.chrom, self.pos, self.ref, self.alt


@dataclass
class ClinVar:
    """A release: its date as the header states it (fileDate), and the entries of the genes asked for."""

    file: str
    date: str = DATE_UNKNOWN
    n_records: int = 0
    n_unusable: int = 0  # P, LP or conflicting in these genes, but without an alternative allele of bases
    entries: list[Entry] = field(default_factory=list)

    @property
    def release(self) -> str:
        return f"ClinVar {self.date}"


@dataclass
class _Seen:
    """What the header and the positions say of the build, and whether this is ClinVar at all."""

    stated: str = ""
    contigs: dict[str, int | None] = field(default_factory=dict)
    per_allele: bool = False
    has_field: bool = False
    evidence: SiteEvidence = field(default_factory=SiteEvidence)
    n_compared: int = 0
    n_contradicted: int = 0


def read_clinvar(path: Path, genes: Collection[str], known: KnownSites, reference: Reference | None = None) -> ClinVar:
    """Entries of `genes` that are P, LP or disputed with P or LP among the submissions, in file order.

    Alleles are trimmed, and left-aligned with a `reference`, as the patients' own are. Raises InputError for a file of
    another build (by header, contig lengths, known sites or reference bases), for one that is not ClinVar's, and for
    one that is not whole.
    """
    report, wanted = Report(str(path)), frozenset(genes)
    out, seen = ClinVar(str(path)), _Seen()
    best: dict[tuple[str, int, str, str], Entry] = {}
    positions = {p for sites in (known.grch38, known.grch37) for _, p in sites}
    with lines_of(path, report) as lines:
        for line in lines:
            if line.startswith("#"):
                _header(line.rstrip("\r\n"), out, seen)
                if seen.stated not in ("", BUILD):
                    raise _other_build(report, f"its header names {seen.stated}")
                continue
            out.n_records += 1
            # Millions of lines, of which few matter: they are taken apart only as far as needed.
            start = line.split("\t", 5)
            if len(start) < 6:
                raise report.stop(f"a line of {len(start)} columns", "8 columns", "supply the whole file")
            if start[1].isdigit() and int(start[1]) in positions:
                _count_site(start, known, seen)
            if not _may_matter(line, wanted, seen.per_allele):
                continue
            for entry in _entries(line.rstrip("\r\n").split("\t"), wanted, seen, out):
                _compare(entry, reference, seen)
                kept = _aligned(entry, reference)
                if kept.key not in best or kept.stars > best[kept.key].stars:
                    best[kept.key] = kept
    _judge(report, out, seen)
    out.entries = list(best.values())
    return out


def _header(line: str, out: ClinVar, seen: _Seen) -> None:
    if line.startswith("##fileDate="):
        digits = re.sub(r"\D", "", line.partition("=")[2])
        if len(digits) == 8:
            out.date = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    elif line.startswith("##reference="):
        seen.stated = _build_of(line.partition("=")[2])
    elif line.startswith("##INFO=<ID=CLNALLE,"):
        seen.per_allele = True
    elif line.startswith("##INFO=<ID=CLNSIG,"):
        seen.has_field = True
    elif (match := _CONTIG.match(line)) is not None:
        seen.contigs[match[1]] = int(match[2]) if match[2] else None


def _build_of(text: str) -> str:
    for names, build in ((("GRCh38", "hg38"), BUILD), (("GRCh37", "hg19", "b37"), "GRCh37"),
                         (("NCBI36", "hg18"), "NCBI36")):  # fmt: skip
        if any(n.lower() in text.lower() for n in names):
            return build
    return ""


def _count_site(cells: list[str], known: KnownSites, seen: _Seen) -> None:
    chrom = canonical(cells[0])
    if chrom and cells[1].isdigit():
        known.count(seen.evidence, chrom, int(cells[1]), cells[3], tuple(cells[4].split(",")))


def _may_matter(line: str, wanted: frozenset[str], codes: bool) -> bool:
    """Whether a line names a wanted gene, and may call a variant pathogenic: in words, or in number codes."""
    if not codes and "athogenic" not in line:
        return False
    start = line.find("GENEINFO=")
    if start < 0:
        return False
    genes = line[start + 9 :].split(";", 1)[0].split("|")
    return not wanted.isdisjoint(g.partition(":")[0].strip() for g in genes)


def _entries(cells: list[str], wanted: frozenset[str], seen: _Seen, out: ClinVar) -> Iterator[Entry]:
    """Entries of one line: one, or in the first layout one for each alternative allele."""
    if len(cells) < 8 or "CLNSIG=" not in cells[7]:
        return
    info = dict(item.partition("=")[::2] for item in cells[7].split(";"))
    genes = tuple(g.partition(":")[0] for g in info.get("GENEINFO", "").split("|"))
    if not wanted.intersection(genes):
        return
    for alt, values in _alleles(cells[4], info, seen.per_allele):
        meaning = significance(values["CLNSIG"], values.get("CLNSIGCONF", ""))
        if meaning is None:
            continue
        chrom = canonical(cells[0])
        if chrom is None or not cells[1].isdigit() or not set(f"{cells[3]}{alt}") <= set("ACGT") or cells[3] == alt:
            out.n_unusable += 1
            continue
        position, ref, trimmed = records.trimmed(int(cells[1]), cells[3], alt)
        yield _entry((chrom, position, ref, trimmed), _name(cells[2], values), genes, meaning, values)


def _alleles(alts: str, info: dict[str, str], per_allele: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """(alternative allele, its INFO). Before 2017 CLNALLE numbers the alleles that the values, by comma, are of."""
    if not per_allele:
        yield alts, info
        return
    listed = alts.split(",")
    for i, number in enumerate(info.get("CLNALLE", "").split(",")):
        if number.isdigit() and 0 < int(number) <= len(listed):
            values = {k: v.split(",")[i] for k, v in info.items() if k.startswith("CLN") and v.count(",") >= i}
            if "CLNSIG" in values:
                yield listed[int(number) - 1], info | values


def _name(identifier: str, values: dict[str, str]) -> str:
    """Variation identifier: the ID column, or the first RCV accession in the layout before 2017."""
    accession = values.get("CLNACC", "").partition("|")[0]
    return accession or identifier


def _entry(
    key: tuple[str, int, str, str], name: str, genes: tuple[str, ...], meaning: Significance, info: dict[str, str]
) -> Entry:
    diseases = [words(d) for d in (info.get("CLNDN") or info.get("CLNDBN") or "").split("|")]
    terms = [m.partition("|")[2] for m in info.get("MC", "").split(",")]
    return Entry(
        *key, name, genes, meaning, stars(info.get("CLNREVSTAT", "")), words(info.get("CLNREVSTAT", "")),
        tuple(conflict(info.get("CLNSIGCONF", "")).items()),
        tuple(dict.fromkeys(d for d in diseases if d not in _NO_DISEASE)),
        tuple(t for t in terms if t), _frequency(info),
    )  # fmt: skip


def _frequency(info: dict[str, str]) -> float | None:
    found = []
    for name in _FREQUENCIES:
        try:
            found.append(float(info[name]))
        except (KeyError, ValueError):
            continue
    return max(found, default=None)


def _compare(entry: Entry, reference: Reference | None, seen: _Seen) -> None:
    if reference is None:
        return
    bases = reference.bases(entry.chrom, entry.pos, len(entry.ref))
    if "N" not in bases:
        seen.n_compared += 1
        seen.n_contradicted += bases != entry.ref


def _aligned(entry: Entry, reference: Reference | None) -> Entry:
    if reference is None or len(entry.ref) == len(entry.alt):
        return entry
    position, ref, alt = left_aligned(reference, entry.chrom, entry.pos, entry.ref, entry.alt)
    return replace(entry, pos=position, ref=ref, alt=alt)


def _other_build(report: Report, why: str) -> Exception:
    return report.stop(
        f"a ClinVar file of another genome build: {why}", f"ClinVar on {BUILD}",
        "take the file of the same release from ClinVar's folder vcf_GRCh38",
    )  # fmt: skip


def _judge(report: Report, out: ClinVar, seen: _Seen) -> None:
    if not seen.has_field:
        raise report.stop("no INFO field CLNSIG in the header", "ClinVar's VCF (clinvar.vcf.gz)", "supply that file")
    if not out.n_records:
        raise report.stop("a ClinVar file without records", "ClinVar's VCF", "supply the whole file")
    lengths = build_of_lengths(seen.contigs)
    if lengths not in ("", BUILD):
        raise _other_build(report, f"its contig lengths are of {lengths}")
    if seen.evidence.build == "GRCh37":
        raise _other_build(report, "known variants lie as in GRCh37")
    if seen.n_contradicted > max(1, _MISMATCH_LIMIT * seen.n_compared):
        raise _other_build(report, f"{seen.n_contradicted} of {seen.n_compared} REF alleles contradict the reference")
