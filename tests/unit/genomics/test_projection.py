"""Principal components of the reference: projection, gaps, outside, and 1000 Genomes people held out."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.register import TABLES
from consilium.genomics.structure import ancestry
from consilium.genomics.structure.components import Components, read_components
from consilium.genomics.structure.projection import densities, outside_probability, project

RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def reference(root: Path) -> Components:
    return read_components(root / "resources/ancestry_components.tsv", root / "resources/ancestry_populations.tsv")


def drawn(reference: Components, population: str, n: int) -> np.ndarray:
    f = reference.panel.frequency[:, reference.panel.populations.index(population)]
    return RNG.binomial(2, f[:, None], (len(f), n)).astype(np.int8)


def test_shipped_components(reference: Components) -> None:
    assert reference.superpopulations == ("AFR", "AMR", "EAS", "EUR", "SAS")
    assert reference.loadings.T @ reference.loadings == pytest.approx(np.eye(6), abs=1e-4)
    assert (np.linalg.eigvalsh(reference.covariance) > 0).all()
    assert reference.membership().sum(axis=0).tolist() == [7, 4, 5, 5, 5]


def test_projection_without_gaps_is_a_product(reference: Components) -> None:
    counts = drawn(reference, "YRI", 4)
    standard = (counts - reference.centre[:, None]) / reference.scale[:, None]
    found = project(counts, reference, 100)
    assert found.scores == pytest.approx(standard.T @ reference.loadings, abs=1e-3)
    assert np.abs(found.noise).max() < 1e-3


def test_gaps_do_not_pull_to_the_centre(reference: Components) -> None:
    counts = drawn(reference, "YRI", 30)
    whole = project(counts, reference, 100)
    counts[RNG.random(counts.shape) < 0.7] = -1
    part = project(counts, reference, 100)
    assert part.scores[:, 0].mean() == pytest.approx(whole.scores[:, 0].mean(), rel=0.05)
    apart = part.scores - whole.scores
    foretold = np.einsum("ikk->ik", part.noise).mean(axis=0)
    assert (apart**2).mean(axis=0) == pytest.approx(foretold, rel=0.6)


def test_people_of_nowhere_are_outside_and_drawn_people_are_not(reference: Components) -> None:
    nowhere = RNG.binomial(2, RNG.uniform(0.05, 0.95, (len(reference.panel), 1)), (len(reference.panel), 5))
    found = ancestry.assign_projected(nowhere.astype(np.int8), reference)
    assert found.population == [ancestry.OUTSIDE] * 5
    inside = ancestry.assign_projected(drawn(reference, "CHB", 20), reference)
    assert inside.population == ["EAS"] * 20
    assert (inside.outside > ancestry.OUTSIDE_P).all()


def test_half_way_between_two_populations_is_outside(reference: Components) -> None:
    """Children of JPT and GBR parents: in the reference nobody is like them."""
    rows = [reference.panel.populations.index(p) for p in ("JPT", "GBR")]
    gametes = [RNG.binomial(1, reference.panel.frequency[:, [k]], (len(reference.panel), 20)) for k in rows]
    found = ancestry.assign_projected(sum(gametes).astype(np.int8), reference)
    assert sum(p == ancestry.OUTSIDE for p in found.population) >= 15
    assert (found.outside < 0.05).all()


def test_table_has_components_of_the_reference(reference: Components) -> None:
    counts = drawn(reference, "YRI", 3)
    counts[100:, 0] = -1
    counts[counts[:, 1] == 0, 1] = -1
    counts[50:, 2] = -1
    table = ancestry.table(list("abc"), ancestry.assign_projected(counts, reference), np.zeros((3, 2)))
    TABLES["ancestry"].check(table)
    assert table["population"].tolist() == ["AFR", "AFR", "not assessed"]
    assert table["ref_PC6"].notna().tolist() == [True, False, False]
    assert table["reason"].tolist()[:2] == ["", ancestry.VARIANTS_ONLY]


def test_bad_tables_are_one_message(root: Path, tmp_path: Path) -> None:
    people = root / "resources/ancestry_populations.tsv"
    bad = tmp_path / "c.tsv"
    bad.write_text("chrom\tpos\tref\talt\tcentre\tscale\tPC1\nchr1\t1\tA\tC\t1\t1\t1\n")
    with pytest.raises(InputError, match="no column ACB"):
        read_components(bad, people)
    bad.write_text("")
    with pytest.raises(InputError, match="no rows"):
        read_components(bad, people)
    text = (root / "resources/ancestry_components.tsv").read_text().splitlines()[:3]
    bad.write_text("\n".join([*text[:2], text[2].replace("\t", "\tx", 1)]))
    with pytest.raises(InputError, match="no number"):
        read_components(bad, people)


@pytest.mark.data
def test_relatives_held_out_of_1000_genomes(real_data: Path, reference: Components) -> None:
    folder = real_data / "genomics" / "cohort_1kgp"
    held_out = set((folder / "ref.king.cutoff.id").read_text().split()[1:])
    with open(folder / "ref.psam", encoding="utf-8") as handle:
        truth = {r["#IID"]: r["SuperPop"] for r in csv.DictReader(handle, delimiter="\t")}
    place = {k: i for i, k in enumerate(zip(reference.panel.chrom, reference.panel.pos, strict=True))}
    with gzip.open(folder / "tiny1000G.vcf.gz", "rt") as lines:
        for line in lines:
            cells = line.rstrip("\n").split("\t")
            if line.startswith("#CHROM"):
                chosen = [i for i, name in enumerate(cells) if name in held_out]
                names, counts = [cells[i] for i in chosen], np.full((len(place), len(chosen)), -1, dtype=np.int8)
            elif cells[0].isdigit() and (f"chr{cells[0]}", int(cells[1])) in place:
                counts[place[f"chr{cells[0]}", int(cells[1])]] = [cells[i].count("1") for i in chosen]
    found = ancestry.assign_projected(counts, reference)
    right = np.array([p == truth[n] for p, n in zip(found.population, names, strict=True)])
    assert len(names) == 627
    assert right.mean() >= 0.985
    few = ancestry.assign_projected(np.where(counts == 0, -1, counts).astype(np.int8), reference)
    assert np.mean([p == truth[n] for p, n in zip(few.population, names, strict=True)]) >= 0.95
    density, squared = densities(project(counts, reference, 100), reference)
    assert np.isfinite(density).all()
    assert (outside_probability(project(counts, reference, 100), squared, reference) < 0.001).mean() < 0.01
