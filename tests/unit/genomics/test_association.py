"""Who takes part, what is tested, and the stages from their files to their files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from association_cohort import matrix, store
from consilium.core.sheets import Patient
from consilium.core.store import read_table, write_table
from consilium.genomics import stages
from consilium.genomics.association import analyses, filters, people
from consilium.genomics.association.analyses import Analysis, LeftOut
from consilium.genomics.cohort.hwe_groups import hwe_table
from scipy import stats

N, SITES, CAUSE = 400, 1200, 700  # the planted variant is row CAUSE


def patient(i: int, **outcomes: str) -> Patient:
    return Patient(f"P{i:04d}", ("female", "male")[i % 2], 1950 + i % 30, "s1", "", "2020-06-01", outcomes)


@pytest.mark.parametrize(
    ("values", "case", "expected"),
    [(["0", "1"], "", "1"), (["No", "yes"], "", "yes"), (["control", "case"], "", "case"), (["1", "2"], "", ""),
     (["type_1", "type_2", "type_3"], "type_2", "type_2"), (["type_1"], "type_1", ""), (["a", "b"], "c", "")],
)  # fmt: skip
def test_the_value_of_cases(values, case, expected) -> None:
    assert analyses.case_value(Analysis("a", "x", "binary", case=case), set(values)) == expected


def test_outcomes_and_covariates_that_are_not_known() -> None:
    cells = ["1.5", "", "much", "nan", "2"]
    everybody = [patient(i, weight=c, smoker=s) for i, (c, s) in enumerate(zip(cells, "nyn y", strict=True))]
    everybody[4] = Patient("P0004", "unknown", None, outcomes={"weight": "2", "smoker": "y"})
    left_out = LeftOut()
    analysis = Analysis("a", "weight", "continuous", ("age", "sex", "smoker"))
    y, why = analyses.outcome(analysis, everybody, left_out)
    assert why == "" and np.isfinite(y).tolist() == [True, False, False, False, True]
    assert left_out.people["P0002"] == ("outcome", "weight 'much' is not a number")
    columns, names = analyses.covariates(analysis, everybody, {"P0004": "male"}, left_out)
    assert names == ["age", "sex", "smoker (n)", "smoker (y)"]
    assert columns[0].tolist() == [70, 1, 1, 0] and columns[4, 1] == 0
    assert left_out.people["P0004"] == ("covariate", "age not known")
    assert left_out.people["P0003"][0] == "outcome"  # the first rule is kept


def test_relatives_go_until_no_pair_is_left() -> None:
    kin = pd.DataFrame(
        [("P1", "P2", 0.25), ("P2", "P3", 0.26), ("P4", "P5", 0.5), ("P6", "P7", 0.06), ("P8", "X", 0.25)],
        columns=["patient_a", "patient_b", "kinship"],
    )
    left_out = LeftOut()
    people.leave_out_related([f"P{i}" for i in range(1, 9)], kin, {"P5": True}, left_out)
    assert set(left_out.people) == {"P2", "P4"}  # the one with two relatives; the control of the other pair
    assert left_out.people["P2"] == ("related", "kinship 0.260 with P3, who stays or is nearer to others")


def test_filters_name_the_first_rule() -> None:
    rng = np.random.default_rng(1)
    counts = np.zeros((7, 200), dtype=np.int8)
    counts[0] = rng.binomial(2, 0.3, 200)
    counts[1, :40] = -1
    counts[2, 0] = 1
    counts[3, :10] = 1
    counts[5] = np.repeat([0, 2], 100)
    counts[6] = counts[0]
    autosomal = np.arange(7) != 6
    said = filters.verdicts(counts, autosomal, filters.tally(counts), 0.01, {"EUR": list(range(50, 150))})
    assert said == [
        "pass", "more than 10% of people without a call", "rarer allele's frequency under 0.01",
        "fewer than 20 copies of the rarer allele", "one allele only", "Hardy-Weinberg p under 1e-06 in EUR",
        "not on an autosome",
    ]  # fmt: skip


def test_hardy_weinberg_within_populations_only() -> None:
    """Two populations of different frequency: each in proportion, together far out of it."""
    f = np.array([[0.05] * 100 + [0.95] * 100])
    counts = np.random.default_rng(2).binomial(2, f, (3, 200)).astype(np.int8)
    who = {f"P{i:04d}": "A" if i < 100 else "B" for i in range(200)}
    table = hwe_table(matrix(counts), who)
    assert table["population"].tolist() == ["A"] * 3 + ["B"] * 3 and (table["filter"] == "pass").all()
    assert (filters.hardy_weinberg(counts) < 1e-6).all()
    assert hwe_table(matrix(counts[:, :30]), dict.fromkeys(who, "A")).shape == (3, 9)
    assert hwe_table(matrix(counts[:, :10]), who).empty


class Cohort:
    """Files of a cohort of two populations; the phenotype depends on population, one variant and chance."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = np.random.default_rng(9)
        side = np.repeat([0, 1], N // 2)
        base = rng.uniform(0.15, 0.85, (SITES, 1))
        f = np.clip(base + rng.normal(0, 0.12, (SITES, 1)) * np.where(side, 1, -1), 0.02, 0.98)
        self.counts = rng.binomial(2, f).astype(np.int8)
        self.counts[3, :100] = -1
        self.counts[4] = 0
        level = 1.2 * side + 0.8 * self.counts[CAUSE]
        self.value = level + rng.normal(size=N)
        self.case = rng.random(N) < 1 / (1 + np.exp(-(level - level.mean())))
        self.flagged, self.swapped = "P0007", "P0008"
        names = [f"P{i:04d}" for i in range(N)]
        lines = [f"{p}\t{('female', 'male')[i % 2]}\t{1950 + i % 37}\t2020-01-01\t{self.value[i]:.5f}\t"
                 f"{('no', 'yes')[int(self.case[i])]}\t{('0', '1')[i < 9]}" for i, p in enumerate(names)]  # fmt: skip
        header = "patient\tsex\tbirth_year\tindex_date\tvalue\till\trare\n"
        (folder / "patients.tsv").write_text(header + "\n".join([*lines, "P9999\tmale\t1950\t2020-01-01\t1\tno\t0"]))
        store(folder / "g.vcz", self.counts, chroms=4)
        self._tables(names, side)

    def _tables(self, names: list[str], side: np.ndarray) -> None:
        blank = {"n_sites": SITES, "n_called": SITES, "missing_rate": 0.0, "het_rate": 0.3, "titv": 2.0,
                 "n_singletons": 0, "x_het_rate": np.nan, "sex_sheet": "female", "sex_inferred": "unknown"}  # fmt: skip
        qc = pd.DataFrame({"patient": names, "source": "joint", **blank, "verdict": "keep", "reason": ""})
        qc.loc[qc["patient"] == self.flagged, ["verdict", "reason"]] = ["flag", "61% of cohort sites without a call"]
        write_table(self.folder / "samples_qc.tsv", "samples_qc", qc)
        swap = {"patient": self.swapped, "sample": "bam", "n_sites": 500, "concordance": 0.4, "verdict": "swap",
                "likely_patient": "", "contamination": 0.0, "contamination_verdict": "clean", "mean_depth": 30.0,
                "reason": ""}  # fmt: skip
        write_table(self.folder / "identity.tsv", "identity", pd.DataFrame([swap]))
        pair = {"patient_a": "P0020", "patient_b": "P0021", "n_sites": 900, "ibs0": 0.0, "kinship": 0.25,
                "relationship": "first degree", "same_family_in_sheet": False}  # fmt: skip
        write_table(self.folder / "kinship.tsv", "kinship", pd.DataFrame([pair]))
        ancestry = pd.DataFrame({"patient": names, "n_sites": 900, "population": np.where(side, "A", "B"),
                                 "probability": 1.0, "outside_z": 0.0, "reason": ""})  # fmt: skip
        write_table(self.folder / "ancestry.tsv", "ancestry", ancestry)
        variants = pd.DataFrame({"chrom": "chr1", "pos": [1, 2], "ref": "A", "alt": "G", "rsid": "", "n_called": N,
                                 "missing_rate": [0.0, 0.3], "alt_freq": 0.2, "hwe_p": 0.5, "filter": ["pass", "flag"],
                                 "reason": ["", "30% of patients without a call"]})  # fmt: skip
        write_table(self.folder / "variants_qc.tsv", "variants_qc", variants)

    def run(self, *wanted: dict, out: str = "out") -> Path:
        made, where = self.folder, self.folder / out
        where.mkdir()
        stages.association(
            made / "g.vcz", made / "patients.tsv", made / "samples_qc.tsv", made / "identity.tsv", made / "kinship.tsv",
            made / "ancestry.tsv", json.dumps(wanted), 1, where, where / "association.tsv", where / "hits.tsv",
            where / "people.tsv",
        )  # fmt: skip
        return where


WANTED = (
    {"name": "value", "outcome": "value", "kind": "continuous", "components": 4},
    {"name": "ill", "outcome": "ill", "kind": "binary", "components": 4},
    {"name": "plain", "outcome": "value", "kind": "continuous", "components": 0},
    {"name": "few", "outcome": "rare", "kind": "binary"},
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return Cohort(tmp_path_factory.mktemp("association"))


@pytest.fixture(scope="module")
def results(cohort: Cohort) -> Path:
    return cohort.run(*WANTED)


def test_planted_effect_is_found_and_structure_is_taken_out(cohort, results) -> None:
    about = read_table(results / "association.tsv", "association").set_index("analysis")
    for name, test in (("value", "linear"), ("ill", "firth")):
        top = read_table(results / f"association_{name}.parquet", "association_variants").sort_values("p").iloc[0]
        assert (top["chrom"], top["pos"], top["test"]) == ("chr3", 1 + 50_000 * (CAUSE - 600), test)
        assert top["p"] < 1e-5 and top["beta"] == pytest.approx(0.8, abs=0.35)
        assert 0.75 < about.loc[name, "inflation"] < 1.25
        # Interval over blocks of 5 Mb: it holds what is seen.
        row = about.loc[name]
        assert np.isnan(row["inflation_lower"]) or row["inflation_lower"] < row["inflation"] < row["inflation_upper"]
    assert about.loc["plain", "inflation"] > 1.5  # without components, ancestry looks like association
    assert about.loc["value", "n_tested"] == SITES - 2 and about.loc["value", "n_filtered"] == 2


def test_p_values_of_a_null_analysis_are_uniform(cohort, results) -> None:
    """All variants but the planted one, with components."""
    table = read_table(results / "association_value.parquet", "association_variants")
    p = table["p"].drop(CAUSE).dropna()
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_who_was_left_out_and_why(cohort, results) -> None:
    table = read_table(results / "people.tsv", "association_people")
    rules = table[table["analysis"] == "value"].set_index("patient")["rule"].to_dict()
    assert rules == {"P0007": "sample quality", "P0008": "identity", "P9999": "genotypes", "P0021": "related"}
    about = read_table(results / "association.tsv", "association").set_index("analysis")
    assert about.loc["value", "n"] == N - 3 and about.loc["value", "n_left_out"] == 4


def test_too_few_cases_are_not_assessed(results) -> None:
    about = read_table(results / "association.tsv", "association").set_index("analysis")
    assert about.loc["few", "status"] == "not assessed"
    assert about.loc["few", "reason"] == "7 cases and 390 controls, fewer than 20 in one group"
    assert read_table(results / "association_few.parquet", "association_variants").empty


def test_hits_are_the_smallest(results) -> None:
    hits = read_table(results / "hits.tsv", "association_hits")
    assert set(hits["analysis"]) == {"value", "ill", "plain"}
    mine = hits[hits["analysis"] == "value"]
    whole = read_table(results / "association_value.parquet", "association_variants")["p"].dropna()
    assert len(mine) >= 10 and mine["p"].tolist() == pytest.approx(sorted(whole)[: len(mine)])


def test_same_input_same_bytes_and_block_size_changes_nothing(cohort, results, monkeypatch) -> None:
    from consilium.genomics.association import scan

    monkeypatch.setattr(scan, "_NUMBERS", 100 * N)
    again = cohort.run(*WANTED[:2], out="again")
    for name in ("value", "ill"):
        file = f"association_{name}.parquet"
        one, two = (read_table(where / file, "association_variants") for where in (results, again))
        pd.testing.assert_frame_equal(one, two, rtol=1e-9)
    monkeypatch.undo()
    third = cohort.run(*WANTED[:1], out="third")
    assert (third / "association_value.parquet").read_bytes() == (results / "association_value.parquet").read_bytes()


def test_everything_dropped_is_listed_with_its_rule(cohort, results) -> None:
    made = cohort.folder
    stages.hwe_by_ancestry(made / "g.vcz", made / "ancestry.tsv", made / "hwe.tsv")
    stages.dropped(
        made / "samples_qc.tsv", made / "variants_qc.tsv", made / "hwe.tsv", made / "dropped.tsv",
        results / "people.tsv", [results / "association_value.parquet"],
    )  # fmt: skip
    table = read_table(made / "dropped.tsv", "dropped")
    said = {(r.what, r.patient, "" if pd.isna(r.pos) else int(r.pos), r.step, r.action, r.rule)
            for r in table.itertuples()}  # fmt: skip
    assert ("patient", "P0007", "", "samples_qc", "flagged", "61% of cohort sites without a call") in said
    assert ("site", "", 2, "variants_qc", "flagged", "30% of patients without a call") in said
    relative = "related: kinship 0.250 with P0020, who stays or is nearer to others"
    assert ("patient", "P0021", "", "association value", "not tested", relative) in said
    position = 1 + 50_000 * 3
    why = "more than 10% of people without a call"
    assert ("site", "", position, "association value", "not tested", why) in said
    assert len(table[table["what"] == "site"]) == 1 + 2
    stages.dropped(made / "samples_qc.tsv", made / "variants_qc.tsv", made / "hwe.tsv", made / "d2.tsv")
    assert len(read_table(made / "d2.tsv", "dropped")) == 2
