"""One window: the reference and a patient's sequence around a change, column under column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consilium.genomics.intake.known_bases import Bases

UNKNOWN, GAP = "N", "-"
Span = tuple[int, int]  # first and last position, 1-based


@dataclass(frozen=True)
class Change:
    """A variant as in a VCF: pos is 1-based, insertions and deletions begin with the base before them."""

    pos: int
    ref: str
    alt: str

    @property
    def span(self) -> Span:
        return self.pos, self.pos + len(self.ref) - 1

    @property
    def first(self) -> int:
        """Bases at its start that are the same in both alleles."""
        same = (r == a for r, a in zip(self.ref, self.alt, strict=False))
        return next((i for i, equal in enumerate(same) if not equal), min(len(self.ref), len(self.alt)))


def window(
    bases: Bases, chrom: str, change: Change, length: int, seen: Iterable[Span] = (), hidden: Iterable[Span] = (),
    others: Sequence[Change] = (),
) -> tuple[str, str]:  # fmt: skip
    """(reference, patient's sequence), `length` (odd) columns each, the first one that `change` alters in the middle.

    GAP in the reference: inserted bases; in the patient's: deleted ones. UNKNOWN in the patient's: not tested, whatever
    the reference says there; in the reference: beyond the contig, or unknown. seen: tested to be reference; hidden: not
    known of this strand, which holds over seen; others: changes on the strand of `change`, which hold over both.
    """
    half = length // 2
    low, high = change.pos - half - 1, change.span[1] + half + 1
    beyond = max(1 - low, 0)  # before the first base of the contig
    reference = UNKNOWN * beyond + bases.bases(chrom, low + beyond, high - low + 1 - beyond)
    patient = [UNKNOWN] * len(reference)
    for first, last in seen:
        a, b = max(first - low, 0), min(last, high) - low + 1
        patient[a:b] = reference[a:b]
    inserted: dict[int, str] = {}  # position -> bases after it
    for first, last in hidden:
        for at in range(max(first, low), min(last, high) + 1):
            patient[at - low] = UNKNOWN
    for one in (*others, change):
        for i in range(len(one.ref)):
            if low <= one.pos + i <= high:
                patient[one.pos + i - low] = one.alt[i] if i < len(one.alt) else GAP
                inserted.pop(one.pos + i, None)
        if len(one.alt) > len(one.ref):
            inserted[one.span[1]] = one.alt[len(one.ref) :]
    return _cut(reference, patient, inserted, low, change, half)


def _cut(
    reference: str, patient: Sequence[str], inserted: dict[int, str], low: int, change: Change, half: int
) -> tuple[str, str]:
    """`half` columns on either side of the first altered one, inserted bases in columns of their own."""
    upper: list[str] = []
    lower: list[str] = []
    middle = 0
    for i, (r, p) in enumerate(zip(reference, patient, strict=True)):
        if low + i == change.pos + min(change.first, len(change.ref) - 1):
            middle = len(upper) + (change.first >= len(change.ref))  # an insertion: the column behind its anchor
        more = inserted.get(low + i, "")
        upper += [r, *GAP * len(more)]
        lower += [p, *more]
    begin = middle - half
    return "".join(upper[begin : middle + half + 1]), "".join(lower[begin : middle + half + 1])
