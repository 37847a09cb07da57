"""Trios, families, swaps and runs of homozygosity, on genotypes whose answer is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.core import sheets
from consilium.core.errors import InputError
from consilium.core.register import TABLES
from consilium.core.sheets import Patient
from consilium.genomics.structure import families, homozygosity, kinship, mendel, swaps
from hypothesis import given
from hypothesis import strategies as st

RNG = np.random.default_rng(8)
NAMES = ["father", "mother", "son", "daughter", "other", "stranger"]
SEX = dict(zip(NAMES, ["male", "female", "male", "female", "male", "female"], strict=True))


def household(n_sites: int = 2500) -> np.ndarray:
    """ALT counts of NAMES: a family of four and two unrelated people."""
    f = RNG.uniform(0.1, 0.9, n_sites)
    strands = RNG.binomial(1, f[:, None, None], (n_sites, 4, 2))
    pick = lambda who: np.take_along_axis(strands[:, who], RNG.integers(0, 2, (n_sites, 1)), 1)[:, 0]  # noqa: E731
    children = [np.stack([pick(0), pick(1)], axis=1) for _ in range(2)]
    people = [strands[:, 0], strands[:, 1], *children, strands[:, 2], strands[:, 3]]
    return np.stack([p.sum(axis=1) for p in people], axis=1).astype(np.int8)


def sheet() -> dict[str, Patient]:
    people = {n: Patient(n, SEX[n], family="A" if i < 4 else "", father="father" if i in (2, 3) else "",
                         mother="mother" if i in (2, 3) else "") for i, n in enumerate(NAMES)}  # fmt: skip
    people["other"] = Patient("other", "male", family="B")
    return people


def related(counts: np.ndarray, names: list[str] = NAMES) -> pd.DataFrame:
    return kinship.kinship_table(names, counts, {}, np.zeros(len(names), dtype=bool))


@given(st.integers(-1, 2), st.integers(-1, 2), st.integers(-1, 2))
def test_mendelian_errors_are_what_no_pair_of_gametes_gives(child: int, father: int, mother: int) -> None:
    gametes = {0: {0}, 1: {0, 1}, 2: {1}}
    found = mendel.errors(*(np.array([g], dtype=np.int8) for g in (child, father, mother)))
    if min(child, father, mother) < 0:
        assert found["n_sites"] == found["n_errors"] == 0
    else:
        possible = {a + b for a in gametes[father] for b in gametes[mother]}
        assert found["n_errors"] == int(child not in possible)


def test_trios_of_kinship_are_the_family() -> None:
    counts = household()
    trios = mendel.trios_of_kinship(NAMES, related(counts), SEX)
    assert {(t.child, t.father, t.mother) for t in trios} == {(2, 0, 1), (3, 0, 1)}
    nobody = np.zeros(6, dtype=bool)
    table = mendel.table(NAMES, trios, mendel.count(trios, [counts[:1000], counts[1000:]]), nobody)
    TABLES["mendel"].check(table)
    assert table["verdict"].tolist() == ["fits", "fits"]
    assert table["n_sites"].tolist() == [2500, 2500] and table["n_errors"].sum() == 0


def test_a_wrong_father_in_the_sheet_is_named() -> None:
    counts = household()
    people = [Patient("son", "male", father="other", mother="mother"), *map(Patient, NAMES)]
    trios = mendel.trios_of_sheet(NAMES, people)
    table = mendel.table(NAMES, trios, mendel.count(trios, [counts]), np.zeros(6, dtype=bool))
    assert table["verdict"].tolist() == ["does not fit"]
    assert table["reason"].tolist() == ["opposite homozygotes with the father"]
    bare = mendel.table(NAMES, trios, mendel.count(trios, [counts]), np.arange(6) == 2)
    assert bare["verdict"].tolist() == ["not assessed"]
    few = mendel.table(NAMES, trios, mendel.count(trios, [counts[:50]]), np.zeros(6, dtype=bool))
    assert few["reason"].tolist() == ["50 sites called in all three; 100 are needed"]


def test_families_and_the_sheet() -> None:
    pairs = related(household())
    told = families.table(NAMES, pairs, dict.fromkeys(NAMES[:4], "A"), np.zeros(6, dtype=bool), lambda a, b: 900)
    TABLES["families"].check(told)
    assert told["family"].tolist() == ["F1"] * 4 + ["", ""]
    assert told["agrees"].tolist() == ["yes"] * 6
    wrong = {"father": "A", "mother": "A", "son": "A", "other": "A", "daughter": "B"}
    told = families.table(NAMES, pairs, wrong, np.arange(6) == 5, lambda a, b: 900).set_index("patient")
    assert told["agrees"].tolist() == ["no"] * 5 + ["not assessed"]
    assert told["reason"]["other"] == "related to nobody of family A (father, mother, son)"
    assert "daughter (first degree), not of the same family" in told["reason"]["father"]
    few = families.table(NAMES, pairs, wrong, np.zeros(6, dtype=bool), lambda a, b: 124 if b == "son" else 900)
    assert few.set_index("patient").loc["other", ["agrees", "reason"]].tolist() == [
        "not assessed", "too few sites called in both to tell relatives of family A (124 with son)",
    ]  # fmt: skip


def judged(order: list[int], sexes: dict[str, str] | None = None, reads: dict[str, str] | None = None) -> pd.DataFrame:
    """Table genotype_identity when name i carries the genotypes of NAMES[order[i]]."""
    counts = household()[:, order]
    sex = sexes or {n: SEX[NAMES[k]] for n, k in zip(NAMES, order, strict=True)}
    known = swaps.evidence(sex, NAMES, related(counts), None)
    known = swaps.Evidence(known.sex, known.assessed, known.close, known.parental, known.same, reads or {})
    table = swaps.table(sheet(), known, {}, {})
    TABLES["genotype_identity"].check(table)
    return table.set_index("patient")


def test_nothing_is_said_of_a_right_cohort() -> None:
    found = judged(list(range(6)))
    assert found["verdict"].tolist() == ["consistent"] * 6 and found["reason"].tolist() == [""] * 6


@pytest.mark.parametrize(("a", "b"), [(0, 4), (1, 5), (2, 5), (3, 4), (0, 3)])
def test_exchanged_genotypes_are_resolved(a: int, b: int) -> None:
    """Parents or children with strangers, of either sex; father with daughter."""
    order = list(range(6))
    order[a], order[b] = b, a
    found = judged(order)
    assert found["likely_patient"][NAMES[a]] == NAMES[b] and found["likely_patient"][NAMES[b]] == NAMES[a]
    assert (found["verdict"] == "swap").sum() == 2


@pytest.mark.parametrize("second", ["male", "female"])
def test_children_of_two_families_are_exchanged_and_not_half_of_their_parents(second: str) -> None:
    """Fathers that change places would explain a half of the conflicts, mothers the other one."""
    children = {"child1": "male", "child2": second}
    people = {n: Patient(n, x, family=n[-1], father=f"father{n[-1]}", mother=f"mother{n[-1]}")
              for n, x in children.items()}  # fmt: skip
    people |= {f"father{k}": Patient(f"father{k}", "male", family=k) for k in "12"}
    people |= {f"mother{k}": Patient(f"mother{k}", "female", family=k) for k in "12"}
    pairs = frozenset(frozenset((f"{p}{k}", f"child{3 - int(k)}")) for p in ("father", "mother") for k in "12")
    sexes = {n: p.sex for n, p in people.items()} | {"child1": second, "child2": "male"}
    found = swaps.exchanged(people, swaps.Evidence(sexes, frozenset(people), pairs, pairs))
    assert found == {"child1": "child2", "child2": "child1"}


def test_father_and_son_or_mother_and_daughter_is_left_open() -> None:
    found = judged([2, 1, 0, 3, 4, 5])
    assert found["verdict"].tolist() == ["doubt"] * 4 + ["consistent"] * 2
    assert (found["likely_patient"] == "").all()


def test_reads_resolve_strangers_of_one_sex() -> None:
    people = ["one", "two", "three"]
    known = swaps.Evidence(dict.fromkeys(people, "male"), frozenset(people),
                           reads={"one": "two", "two": "one", "three": "three"})  # fmt: skip
    found = swaps.table({p: Patient(p, "male") for p in people}, known, {"three": "female"}, {}).set_index("patient")
    assert found["verdict"].to_dict() == {"one": "swap", "two": "swap", "three": "doubt"}
    assert found["reason"]["three"] == "sex by depth of reads is female, in the sheet male"


def test_a_lone_sex_error_is_a_doubt_without_a_partner() -> None:
    found = judged(list(range(6)), {**SEX, "other": "female"})
    assert found["verdict"].tolist() == ["consistent"] * 4 + ["doubt", "consistent"]
    assert found["reason"]["other"] == "sex by genotype is female, in the sheet male"


def planted_runs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ALT counts (4000 sites, 3 people), positions, frequencies; runs at 500-900 and 2000-2150, 100-1500, 3000-3300."""
    k = np.arange(4000)

    def share(a: np.ndarray, b: int) -> np.ndarray:
        return ((a * 7919 + b * 104729 + (a * b) % 131 * 31 + a * a % 977) % 997) / 997

    f = 0.05 + 0.9 * ((k * 104729) % 1000) / 1000
    people = [(share(k, 2 * j + 1) < f).astype(int) + (share(k + 5000, 2 * j + 2) < f) for j in range(3)]
    counts = np.stack(people, axis=1).astype(np.int8)
    for person, first, stop in ((0, 500, 900), (0, 2000, 2150), (1, 100, 1500), (2, 3000, 3300)):
        counts[first:stop, person] = 2 * (counts[first:stop, person] > 0)
    counts[700, 0] = 1
    counts[(k * 13) % 29 == 0, 1] = -1
    return counts, 10_000 + k * 7_500 + (k * 7919 % 5000), f


def test_runs_equal_those_of_bcftools_roh() -> None:
    """bcftools 1.16 roh -G30 --AF-file: sample, start, end, sites. Where a run ends the two differ by 25 kb at most."""
    expected = [(0, 3701148, 6793776, 413), (1, 761900, 11263500, 1353), (2, 22512000, 24762700, 301)]
    counts, position, frequency = planted_runs()
    found = list(homozygosity.runs_of(counts, 0, position, frequency))
    assert [(r.sample, r.n_sites) for r in found] == [(s, n) for s, _, _, n in expected]
    for run, (_, start, end, _) in zip(found, expected, strict=True):
        assert abs(run.start - start) < 25_000 and abs(run.end - end) < 25_000
    assert [r.n_het for r in found] == [1, 0, 0]


def test_inbreeding_is_the_lack_of_heterozygotes() -> None:
    f = RNG.uniform(0.2, 0.8, 20_000)
    outbred = RNG.binomial(2, f)
    inbred = np.where(RNG.random(20_000) < 0.25, 2 * RNG.binomial(1, f), outbred)
    value, n = homozygosity.inbreeding(np.stack([outbred, inbred], axis=1).astype(np.int8), f)
    assert value == pytest.approx([0, 0.25], abs=0.02) and n.tolist() == [20_000] * 2


def test_parents_in_the_sheet_must_be_patients_of_the_right_sex(tmp_path: Path) -> None:
    people, samples = tmp_path / "p.tsv", tmp_path / "s.tsv"
    samples.write_text("patient\tmodality\tkind\tpath\n")
    people.write_text("patient\tsex\tfather\tmother\nA\tmale\t\t\nB\tfemale\tA\t\nC\tmale\tB\tX\nD\tmale\tD\t\n")
    with pytest.raises(InputError) as error:
        sheets.load(people, samples)
    assert sorted((p.line, p.found) for p in error.value.problems) == [
        (4, "father 'B', whose sex is female"), (4, "mother 'X'"), (5, "father 'D'")]  # fmt: skip
    people.write_text("patient\tsex\tfather\tmother\nA\tmale\t\t\nB\tfemale\tA\t\n")
    assert [(p.father, p.mother) for p in sheets.load(people, samples).patients] == [("", ""), ("A", "")]
    assert sheets.read_patients(people)[1].outcomes == {}


@pytest.mark.data
def test_ashkenazim_trio(real_data: Path) -> None:
    """Of the passing biallelic single-base variants bcftools +mendelian calls 10 bad."""
    import pysam

    rows = []
    with pysam.VariantFile(str(real_data / "genomics" / "trio_ashkenazim" / "ashk-trio.vcf.gz")) as file:
        for record in file:
            if record.alts and len(record.alts) == 1 and len(record.ref) == len(record.alts[0]) == 1:
                calls = [record.samples[s]["GT"] for s in ("HG002", "HG003", "HG004")]
                passing = "PASS" in record.filter
                rows.append((passing, *(-1 if None in c else sum(c) for c in calls)))
    table = np.array(rows)
    counts = table[:, 1:].astype(np.int8)
    assert mendel.errors(*counts[table[:, 0] == 1].T)["n_errors"] == 10
    assert mendel.errors(*counts.T)["n_errors"] == 42
