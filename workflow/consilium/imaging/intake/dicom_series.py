"""Which images of a folder belong together, what each group is, and which one the sample sheet means."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from consilium.imaging.intake import recognise
from consilium.imaging.intake.dicom_heads import Head
from consilium.imaging.volume import STRUCTURAL

Found = tuple[str, str, str]  # found, allowed, mend
MODALITY = {**dict.fromkeys((*STRUCTURAL, "fMRI"), "MR"), "CT": "CT", "PET": "PT"}
LISTED = 12
NAME_IT = "put the number of the right one in column series of samples.tsv (or name a folder with that series alone)"


@dataclass(frozen=True)
class Group:
    """Images of one series, one echo and one component (magnitude, phase). kind, why: see recognise.kind_of."""

    heads: tuple[Head, ...]
    kind: str
    why: str

    @property
    def first(self) -> Head:
        return self.heads[0]

    @property
    def usable(self) -> bool:
        """Whether at least one image has pixels of numbers, and none that may show a name."""
        return not self.first.burned_in and any(not h.fault for h in self.heads)

    @property
    def images(self) -> int:
        return sum(max(len(h.planes), 1) for h in self.heads)

    def __str__(self) -> str:
        number = "without number" if self.first.number is None else str(self.first.number)
        what = self.kind or f"kind {recognise.NOT_TOLD}"
        parts = [self.first.modality, what] if what != self.first.modality else [what]
        more = [self.first.facts.component] if self.first.facts.component not in ("", "magnitude") else []
        return f"series {number}: {', '.join([*parts, *more, f'{self.images} images'])}"


@dataclass(frozen=True)
class Choice:
    """The group to use, what is to be said of the choice (notes flag the image), and how many series there were."""

    group: Group
    notes: tuple[str, ...]
    n_series: int
    how: str


def groups(heads: list[Head]) -> list[Group]:
    """By series, component and echo, in the order of series numbers."""
    sorted_out: dict[tuple[str, str, float], list[Head]] = defaultdict(list)
    for head in heads:
        echo = round(head.facts.echo_ms or 0.0, 2)
        sorted_out[(head.series, head.facts.component, echo)].append(head)
    out = []
    for members in sorted_out.values():
        members.sort(key=lambda h: (h.order, str(h.file)))
        places = Counter(tuple(p.position.round(2)) for h in members for p in h.planes)
        volumes = len(members) if members[0].mosaic else max(places.values(), default=1)
        facts = members[0].facts
        if members[0].burned_in:
            facts = replace(facts, modality="OT")
        out.append(Group(tuple(members), *recognise.kind_of(facts, volumes)))
    return sorted(out, key=lambda g: (g.first.number is None, g.first.number or 0, g.first.facts.echo_ms or 0, g.why))


def choose(every: list[Group], kind: str, named: int | None) -> Choice | Found:
    """The group for a sample of `kind`: the series named in the sheet, else the only one that fits it by its header."""
    fit = [g for g in every if g.first.modality == MODALITY[kind] and g.usable]
    listed = _list(every)
    if named is not None:
        fit = [g for g in every if g.first.number == named]
        if not fit:
            return f"no series {named} among {listed}", "a series of the folder", "correct column series"
        if fit[0].first.burned_in:
            return fit[0].first.burned_in, "images without text in their pixels", "supply the original series"
        how = "named in the sheet"
    else:
        if not fit:
            return _none_fits(every, kind, listed)
        images = [g for g in fit if g.kind != "localizer"] or fit
        fit, how = _by_header(images, kind)
    if len({g.first.series for g in fit}) != 1:
        meant = f"{len({g.first.series for g in fit})} series that could be the {kind}" if fit else f"no {kind}"
        return f"{meant} in a folder of {listed}", "one series that fits", NAME_IT
    group, notes = _within(fit, kind)
    refusal = contradiction(group, kind) or faults([g for g in every if g.first.series == group.first.series])
    if refusal:
        return refusal
    if how not in ("the only series", "named in the sheet"):
        notes.append(f"series {group.first.number} taken of {listed}: {how}")
    return Choice(group, tuple(notes), len({g.first.series for g in every}), how)


def _by_header(images: list[Group], kind: str) -> tuple[list[Group], str]:
    if len({g.first.series for g in images}) == 1:
        return images, "the only series"
    match = [g for g in images if g.kind == kind]
    original = [g for g in match if not g.first.facts.derived]
    if match:
        return original or match, f"the only one recognised as {kind} ({(original or match)[0].why})"
    return [g for g in images if not g.kind], f"the only one whose header does not say that it is no {kind}"


def _within(fit: list[Group], kind: str) -> tuple[Group, list[str]]:
    """Of one series: magnitude before phase, the echo that is of the kind, else the first."""
    notes = []
    components = {g.first.facts.component for g in fit}
    if len(components) > 1:
        best = min(components, key=lambda c: ("magnitude", "", "real", "imaginary", "phase").index(c))
        notes.append(f"{', '.join(sorted(c or 'other' for c in components))} images: {best or 'other'} taken")
        fit = [g for g in fit if g.first.facts.component == best]
    chosen = next((g for g in fit if g.kind == kind), fit[0])
    if len(fit) > 1:
        echoes = ", ".join(f"{g.first.facts.echo_ms or 0:.4g}" for g in fit)
        notes.append(f"{len(fit)} echoes ({echoes} ms): that of {chosen.first.facts.echo_ms or 0:.4g} ms taken")
    return chosen, notes


def contradiction(group: Group, kind: str) -> Found | None:
    """Why the header forbids the sheet's kind; mere contrasts do not (see contrast_note)."""
    if group.first.modality != MODALITY[kind]:
        found = f"modality {group.first.modality} where samples.tsv says {kind}"
        return found, f"modality {MODALITY[kind]}", "correct the kind or the path"
    if group.first.facts.component in ("phase", "imaginary"):
        return f"{group.first.facts.component} images", "magnitude images", "supply the magnitude series"
    soft = group.kind in ("", kind) or (kind in STRUCTURAL and group.kind in recognise.CONTRASTS)
    if not soft:
        found = f"{group.kind} by its header ({group.why}) where samples.tsv says {kind}"
        return found, f"a {kind} image", "correct the kind, or name the right series or folder"
    return None


def faults(series: list[Group]) -> Found | None:
    """What is wrong with files of a series, counted; None where all are whole."""
    causes = Counter(h.fault for g in series for h in g.heads if h.fault)
    if not causes:
        return None
    text = "; ".join(f"{n} file(s) with {cause}" for cause, n in sorted(causes.items()))
    return text, "whole DICOM images of single numbers", "export the series again"


def contrast_note(group: Group, kind: str) -> str:
    """What to flag where a header's timing speaks for another contrast than the sheet does; else ""."""
    if group.kind in ("", kind):
        return ""
    return f"samples.tsv says {kind}, but the header speaks for {group.kind} ({group.why})"


def _none_fits(every: list[Group], kind: str, listed: str) -> Found:
    broken = faults([g for g in every if g.first.modality == MODALITY[kind] and not g.first.burned_in])
    if broken:
        return broken
    burned = next((g.first.burned_in for g in every if g.first.burned_in), "")
    if burned:
        return burned, "images without text in their pixels", "supply the original series"
    if len({g.first.series for g in every}) > 1:
        return f"no {MODALITY[kind]} series for kind {kind} in a folder of {listed}", f"a {kind} series", NAME_IT
    return contradiction(every[0], kind) or ("no image series", f"a {kind} series", "name another folder")


def _list(every: list[Group]) -> str:
    n = len({g.first.series for g in every})
    texts = [str(g) for g in every]
    more = f"; {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    return f"{n} series ({'; '.join(texts[:LISTED])}{more})"
