"""Makes the reference of polygenic scores from the genotypes of a reference panel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.intake.panel import Panel
from consilium.genomics.scores import adjustment, reference
from consilium.genomics.scores.frequencies import Frequencies, of_panel, pairs_at
from consilium.genomics.scores.matching import Matches, Rules, Sites, match, sites_of
from consilium.genomics.scores.panel_genotypes import Block, People, blocks, read_people
from consilium.genomics.scores.scoring_file import ScoringFile, Terms
from consilium.genomics.scores.sums import Wanted, add_up, copies_in, variance
from consilium.genomics.structure.ancestry import MINIMUM_SITES
from consilium.genomics.structure.components import Components
from consilium.genomics.structure.projection import project

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """A reference: content of models.json, table polygenic_reference, and what could not be used. After a problem with
    the panel both are those of nobody: the cohort goes on, and its scores then say that they have no reference."""

    models: dict[str, Any]
    variants: pd.DataFrame
    problems: list[Problem]


def made(
    vcf: Sequence[Path], people: Path, scores: Sequence[ScoringFile], space: Components | None, rules: Rules,
    digest: str,
) -> Made:  # fmt: skip
    """From a panel's files and its TSV of people. space, digest: components of the ancestry reference, and the hash of
    their tables; None: the scores then have populations, but no model."""
    import pandas as pd

    from consilium.core.register import TABLES

    persons, problems = People([], []), []
    sites = space.panel if space else None
    try:
        persons = read_people(people)
        collected = collect(vcf, persons, scores, sites, rules)
    except InputError as error:
        problems = error.problems
        scores, persons = [], People([], [])
        collected = collect([], persons, scores, sites, rules)
    places = project(collected.counts, space, MINIMUM_SITES).scores if space else np.empty((len(persons.names), 0))
    names = [f"ref_PC{i + 1}" for i in range(places.shape[1])]
    source = ", ".join(p.name for p in [*vcf, people])
    rows = [table for table in collected.variants if len(table)]
    return Made(models(scores, persons, collected, places, names, rules, digest, source),
                pd.concat(rows, ignore_index=True) if rows else TABLES["polygenic_reference"].empty(),
                problems)  # fmt: skip


@dataclass
class Collected:
    """What the panel's genotypes gave: sums (score, person), rows of the variants table, ALT counts at the sites of
    the components (site, person; negative = no call)."""

    sums: Floats
    variants: list[pd.DataFrame]
    counts: npt.NDArray[np.int8]


def collect(
    files: Sequence[Path], people: People, scores: Sequence[ScoringFile], sites: Panel | None, rules: Rules
) -> Collected:
    """One pass over the panel's files. `sites`: of the components, None without any. Raises InputError."""
    names = tuple(sorted(set(people.population)))
    member = np.array([[float(p == n) for n in names] for p in people.population])
    own = of_panel(sites).key if sites else np.empty(0, dtype=np.int64)
    wanted = np.unique(np.concatenate([own, *(s.terms.key[s.terms.key >= 0] for s in scores)]))
    out = Collected(np.zeros((len(scores), len(people.names))), [],
                    np.full((len(own), len(people.names)), -1, dtype=np.int8))  # fmt: skip
    for block in blocks(files, wanted, people):
        if sites:
            _at_components(block, sites, own, out.counts)
        entries = sites_of(np.arange(len(block.key)), block.key, block.alleles)
        known = _frequencies(block, entries, member, names)
        for i, score in enumerate(scores):
            _add(i, score, block, entries, known, member, rules, out)
    return out


def _at_components(block: Block, sites: Panel, own: Ints, counts: npt.NDArray[np.int8]) -> None:
    """ALT counts of a block's biallelic rows in the orientation of `sites`."""
    for site, row in zip(*pairs_at(block.key, own), strict=True):
        alleles = [a for a in block.alleles[row] if a]
        calls = block.calls[row]
        pair = (str(sites.ref[site]), str(sites.alt[site]))
        if sorted(alleles) != sorted(pair):
            continue
        alts = calls.sum(axis=1)
        alts = alts if (alleles[0], alleles[1]) == pair else 2 - alts
        counts[site] = np.where((calls < 0).any(axis=1), -1, alts)


def _frequencies(block: Block, entries: Sites, member: Floats, names: tuple[str, ...]) -> Frequencies:
    """Frequency of each alternative in each population among the called; NaN where nobody of it is."""
    copies = copies_in(lambda _: block.calls, len(block.key))(entries.row, np.abs(entries.allele))
    called = copies >= 0
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (np.where(called, copies, 0) @ member) / (2.0 * (called @ member))
    return Frequencies(entries.key, entries.ref, entries.alt, names, values)


def _add(
    number: int, score: ScoringFile, block: Block, entries: Sites, known: Frequencies, member: Floats, rules: Rules,
    out: Collected,
) -> None:  # fmt: skip
    """A score's terms at the positions of a block: their sums, and their rows of the variants table."""
    import pandas as pd

    here = np.flatnonzero(np.isin(score.terms.key, block.key))
    if not len(here):
        return
    part = replace(score, terms=_taken(score.terms, here))
    matches = match(part, entries, rules, known)
    frequency = known.of(part.terms.key, matches.counted, matches.other)
    used = matches.used & ~np.isnan(frequency).any(axis=1)
    wanted = Wanted(part, matches, used)
    copies = partial(copies_in, lambda _: block.calls, len(block.key))
    out.sums[number] += add_up([wanted], copies, known, member)[0].sum
    out.variants.append(pd.DataFrame(_rows(score.name, here, part.terms, matches, frequency, known.populations))[used])


def _taken(terms: Terms, at: Ints) -> Terms:
    return Terms(*(getattr(terms, name)[at] for name in terms.__dataclass_fields__))


def _rows(
    name: str, at: Ints, terms: Terms, matches: Matches, frequency: Floats, populations: Sequence[str]
) -> dict[str, Any]:
    """Columns of the variants table for terms `at`."""
    effect = np.where(matches.turned[:, None], 1.0 - frequency, frequency)
    spread = np.stack([variance(effect[:, k], terms.effect) for k in range(effect.shape[1])], axis=1)
    return {
        "score": name, "term": at, "line": terms.line, "key": terms.key,
        "chrom": [CONTIGS[c].removeprefix("chr") for c in terms.chrom], "pos": terms.pos,
        "counted": matches.counted, "other": matches.other, "effect_allele": terms.effect_allele,
        "weight": terms.weight, "variance": terms.weight**2 * spread.mean(axis=1),
        **{f"f_{p}": frequency[:, k] for k, p in enumerate(populations)},
    }  # fmt: skip


def models(
    scores: Sequence[ScoringFile], people: People, collected: Collected, components: Floats, names: Sequence[str],
    rules: Rules, digest: str, source: str,
) -> dict[str, Any]:  # fmt: skip
    """Content of models.json. components (person, component): places in the reference's components, NaN = unknown."""
    placed = ~np.isnan(components).any(axis=1) if components.shape[1] else np.zeros(len(components), dtype=bool)
    enough = placed.sum() >= adjustment.MINIMUM_PEOPLE
    centre = components[placed].mean(axis=0) if enough else np.zeros(components.shape[1])
    scale = components[placed].std(axis=0) if enough else np.ones(components.shape[1])
    standard = (components[placed] - centre) / scale
    used = _used(scores, collected)
    groups = np.array(people.population)
    out: dict[str, Any] = {}
    for i, score in enumerate(scores):
        if not used[score.name]:
            continue
        sums = collected.sums[i]
        model = adjustment.model_facts(adjustment.fit(sums[placed], standard)) if enough else None
        out[score.name] = {
            "trait": score.trait, "digest": score.terms.digest(), "n_terms": len(score.terms),
            "n_used": used[score.name], "model": model,
            "populations": {p: _population_facts(adjustment.population(sums[groups == p]))
                            for p in sorted(set(people.population))
                            if (groups == p).sum() >= adjustment.MINIMUM_IN_POPULATION},
        }  # fmt: skip
    return {
        "schema_version": reference.SCHEMA, "source": source, "n_people": len(people.names),
        "n_people_placed": int(placed.sum()), "populations": sorted(set(people.population)),
        "rules": {"ambiguous": rules.ambiguous, "flips": rules.flips}, "components_digest": digest,
        "components": list(names), "centre": centre.tolist(), "scale": scale.tolist(), "scores": out,
    }  # fmt: skip


def _used(scores: Sequence[ScoringFile], collected: Collected) -> dict[str, int]:
    counts = {s.name: 0 for s in scores}
    for table in collected.variants:
        for name, n in table["score"].value_counts().items():
            counts[str(name)] += int(n)
    return counts


def _population_facts(one: adjustment.Population) -> dict[str, Any]:
    return {"n": one.n, "mean": one.mean, "sd": one.sd, "quantiles": one.quantiles.tolist()}


def files_digest(paths: Sequence[Path]) -> str:
    """Hash of the tables that places in the components depend on; "" without any."""
    if not paths:
        return ""
    content = hashlib.sha256()
    for path in paths:
        content.update(path.read_bytes())
    return content.hexdigest()[:16]


def lines_of_models(facts: dict[str, Any]) -> Iterator[str]:
    """One sentence a score, for the log."""
    for name, one in facts["scores"].items():
        yield f"{name}: {one['n_used']} of {one['n_terms']} variants, {facts['n_people']} people"
