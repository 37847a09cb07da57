"""Standardised scores, percentiles, absolute risk: by hand, by simulation, and on people of the 1000 Genomes."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from consilium.core.errors import InputError
from consilium.core.register import TABLES
from consilium.core.store import read_table, write_facts, write_table
from consilium.genomics.scores import adjustment, panel_genotypes, reference_making
from consilium.genomics.scores.adjusted import NO_REFERENCE, unusable, with_spread
from consilium.genomics.scores.matching import Rules
from consilium.genomics.scores.reference import read_reference
from consilium.genomics.scores.risk import absolute_risk
from consilium.genomics.scores.rows import Scored, read_scores
from consilium.genomics.scores.sums import Sums
from consilium.genomics.stages import polygenic, polygenic_reference
from star_fixtures import DATA, ROOT, fill_group, needs_data

KNOWN_SITES = ROOT / "resources" / "build_sites.tsv"
COMPONENTS = ROOT / "resources" / "ancestry_components.tsv"


def test_the_fit_finds_mean_and_variance_along_components() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(20_000, 2))
    s = 3 + x @ [0.5, -1] + rng.normal(size=20_000) * np.exp(0.5 * (-1 + x @ [0.4, 0.2]))
    model = adjustment.fit(s, x)
    assert model.mean == pytest.approx([3, 0.5, -1], abs=0.02)
    assert model.log_variance == pytest.approx([-1, 0.4, 0.2], abs=0.04)
    first, second = adjustment.normalised(model, s, x)
    assert abs(second.mean()) < 0.01 and second.std() == pytest.approx(1, abs=0.01)
    far = x[:, 0] > 1.5  # where the variance is larger than on average, only the second is standardised
    assert first[far].std() > 1.2 and second[far].std() == pytest.approx(1, abs=0.05)
    assert (
        adjustment.model_of(json.loads(json.dumps(adjustment.model_facts(model)))).mean.tolist() == model.mean.tolist()
    )


def test_the_fit_is_the_most_likely_one() -> None:
    """Against a general optimiser on the same likelihood."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 1))
    s = 1 + x[:, 0] + rng.normal(size=300) * np.exp(0.3 * x[:, 0])

    def loss(theta: np.ndarray) -> float:
        line = theta[2] + x[:, 0] * theta[3]
        return float((line + (s - theta[0] - x[:, 0] * theta[1]) ** 2 * np.exp(-line)).sum())

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7}).x
    model = adjustment.fit(s, x)
    assert [*model.mean, *model.log_variance] == pytest.approx(best, abs=1e-4)


def test_percentiles() -> None:
    one = adjustment.population(np.arange(101, dtype=float))
    assert [adjustment.percentile(one, s) for s in (-5, 0, 25, 99.5, 300)] == [0, 0, 25, 99.5, 100]
    ties = adjustment.population(np.repeat([1.0, 2.0], 50))
    assert adjustment.percentile(ties, 1.0) == pytest.approx(24.5, abs=1) and adjustment.percentile(ties, 1.5) == 50


@pytest.mark.parametrize(("prevalence", "auc"), [(0.01, 0.6), (0.2, 0.75), (0.5, 0.9)])
def test_absolute_risk_is_calibrated(prevalence: float, auc: float) -> None:
    """Simulated cases and controls: risk among people of one stretch of z; the mean risk is the prevalence."""
    rng = np.random.default_rng(5)
    d = math.sqrt(2) * NormalDist().inv_cdf(auc)
    case = rng.random(400_000) < prevalence
    x = rng.normal(size=len(case)) + d * case
    z = (x - prevalence * d) / math.sqrt(1 + prevalence * (1 - prevalence) * d * d)
    assert abs(z.mean()) < 0.01 and z.std() == pytest.approx(1, abs=0.01)
    for low in (-2, -0.5, 0.8, 2):
        inside = (z > low) & (z < low + 0.1)
        noise = math.sqrt(case[inside].mean() * (1 - case[inside].mean()) / inside.sum())
        assert absolute_risk(low + 0.05, prevalence, auc) == pytest.approx(case[inside].mean(), abs=4 * noise + 0.002)
    grid = z[:20_000]
    assert np.mean([absolute_risk(v, prevalence, auc) for v in grid]) == pytest.approx(prevalence, rel=0.1)
    assert absolute_risk(1.3, prevalence, 0.5) == pytest.approx(prevalence)


def test_spread_over_scores_of_one_trait() -> None:
    rows = {"patient": ["a", "a", "a", "b", "b"], "trait_id": ["t", "t", "u", "t", "t"],
            "percentile": [10.0, 80.0, 50.0, 30.0, math.nan]}  # fmt: skip
    told = with_spread({name: np.array(values) for name, values in rows.items()})
    assert told["n_trait_scores"].tolist() == [2, 2, 1, 1, 1]
    assert told["trait_lowest"][:2].tolist() == [10, 10] and told["trait_highest"][:2].tolist() == [80, 80]
    assert np.isnan(told["trait_lowest"]).tolist() == [False, False, True, True, True]


class Made:
    """A panel of 300 made people of two populations at 40 sites, a score, and patients of the same kind."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(9)
        self.folder, self.rng = folder, rng
        self.frequency = rng.uniform(0.1, 0.9, size=(40, 2))
        self.population = np.repeat([0, 1], 150)
        self.panel = self.draw(self.population)
        names = [f"r{i}" for i in range(300)]
        lines = [
            "##fileformat=VCFv4.2",
            "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"] + names),
        ]
        for i, row in enumerate(self.panel):
            cells = ["/".join(map(str, pair)) for pair in row]
            lines.append("\t".join(["1", str(i + 1), ".", "A", "G", ".", ".", ".", "GT", *cells]))
        (folder / "panel.vcf").write_text("\n".join(lines) + "\n")
        people = "".join(f"{n}\t{'XY'[p]}\n" for n, p in zip(names, self.population, strict=True))
        (folder / "people.tsv").write_text("person\tpopulation\n" + people)
        self.weights = rng.normal(size=40)
        rows = "".join(f"1\t{i + 1}\tG\tA\t{w!r}\n" for i, w in enumerate(self.weights.tolist()))
        head = "#pgs_id=P\n#trait_reported=height\n#genome_build=GRCh38\n"
        (folder / "score.txt").write_text(
            head + "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n" + rows
        )
        (folder / "frequencies.tsv").write_text("chrom\tpos\tref\talt\tX\tY\nchr2\t1\tA\tG\t0.1\t0.2\n")

    def draw(self, population: np.ndarray) -> np.ndarray:
        return (self.rng.random((40, len(population), 2)) < self.frequency[:, population][:, :, None]).astype(np.int8)

    def reference(self, **options: object) -> Path:
        out = self.folder / "reference"
        polygenic_reference(
            [self.folder / "panel.vcf"], self.folder / "people.tsv", KNOWN_SITES, out / "models.json",
            out / "variants.parquet", out / "problems.tsv", [self.folder / "score.txt"], **options,
        )  # fmt: skip
        return out

    def score(
        self, calls: np.ndarray, population: list[str], reference: Path | None, **options: object
    ) -> pd.DataFrame:
        """polygenic_adjusted.tsv of people with `calls` (site, person, strand), negative = no call."""
        import zarr

        n = calls.shape[1]
        names = [f"p{i}" for i in range(n)]
        text = [[("/".join(map(str, c)) if c[0] >= 0 else "./.") for c in row] for row in calls]
        fill_group(zarr.open_group(str(self.folder / "g.vcz"), mode="w", zarr_format=2),
                   [("chr1", i + 1, "A", "G", row) for i, row in enumerate(text)], names)  # fmt: skip
        sheet = self.folder / "patients.tsv"
        sheet.write_text("patient\tsex\tsite\n" + "".join(f"{p}\tunknown\there\n" for p in names))
        ancestry = {c.name: [math.nan] * n for c in TABLES["ancestry"].columns if not c.name.endswith("*")} | {
            "patient": names, "n_sites": [500] * n, "population": population, "probability": [1.0] * n,
            "reason": [""] * n, **{f"p_{k}": [float(p == k) for p in population] for k in "XY"},
        }  # fmt: skip
        write_table(self.folder / "ancestry.tsv", "ancestry", pd.DataFrame(ancestry))
        out = self.folder / "adjusted.tsv"
        polygenic(
            self.folder / "g.vcz", sheet, self.folder / "ancestry.tsv", self.folder / "frequencies.tsv", KNOWN_SITES,
            self.folder / "polygenic.tsv", self.folder / "matches.parquet", out, self.folder / "problems.tsv",
            [self.folder / "score.txt"], reference, **options,
        )  # fmt: skip
        return read_table(out, "polygenic_adjusted")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


def test_a_patient_against_the_reference(made: Made) -> None:
    reference = made.reference()
    people = np.repeat([0, 1], 60)
    calls = made.draw(people)
    calls[3:5, 0] = -1  # two sites without a call
    risk = [json.dumps({"score": "P", "prevalence": 0.1, "auc": 0.7, "population": "X", "source": "a study"})]
    table = made.score(calls, [*("XY"[p] for p in people[:-1]), "outside the reference"], reference, risk=risk)
    assert list(table["status"]) == ["assessed"] * 119 + ["not assessed"]
    assert table["reason"].iloc[-1] == "ancestry: outside the reference"
    # By hand: mean and SD of the reference people of the population; a gap is filled by their frequency.
    sums = np.einsum("i,ijk->j", made.weights, made.panel)
    own = np.where(calls < 0, made.panel[:, :150].mean(axis=(1, 2))[:, None, None], calls)
    wanted = np.einsum("i,ijk->j", made.weights, own)
    assert table["sum_reference"].iloc[:119].to_numpy() == pytest.approx(wanted[:119], abs=1e-7)
    for k in (0, 1):
        group = sums[made.population == k]
        z = (wanted - group.mean()) / group.std(ddof=1)
        chosen = np.flatnonzero(people[:119] == k)
        assert table["z_population"].to_numpy()[chosen] == pytest.approx(z[chosen], abs=1e-7)
        share = [100 * (group < wanted[i]).mean() for i in chosen]
        assert table["percentile"].to_numpy()[chosen] == pytest.approx(share, abs=1.5)
    assert table["z_norm2"].isna().all() and "components not known" in table["reason"].iloc[0]
    assert table["risk"].iloc[0] == pytest.approx(absolute_risk(table["z_population"].iloc[0], 0.1, 0.7))
    assert (
        np.isnan(table["risk"].iloc[70])
        and "are of X; the most similar population is Y" in table["risk_reason"].iloc[70]
    )
    of_women = [json.dumps(json.loads(risk[0]) | {"sex": "female"})]
    told = made.score(calls[:, :1], ["X"], reference, risk=of_women)
    assert "are of female people; the patient's sex is unknown" in told["risk_reason"].iloc[0]
    assert 0 < table["lost_variance"].iloc[0] < 0.1 and table["lost_variance"].iloc[1] == 0


def test_no_standardised_score_where_it_would_be_wrong(made: Made, tmp_path: Path) -> None:
    reference = made.reference()
    calls = made.draw(np.array([0, 0]))
    calls[:8, 0] = -1
    table = made.score(calls, ["X", "X"], reference)
    assert "of the score's variance lies at variants without a call" in table["reason"].iloc[0]
    assert table["status"].tolist() == ["not assessed", "assessed"] and np.isnan(table["z_population"].iloc[0])
    write_facts(tmp_path / "models.json", {"schema_version": 1})
    with pytest.raises(InputError, match="no reference of polygenic scores"):
        read_reference(tmp_path)
    assert made.score(calls, ["X", "X"], tmp_path)["reason"].iloc[1] == NO_REFERENCE
    assert "no reference of polygenic scores" in (made.folder / "problems.tsv").read_text()


def test_a_reference_of_another_score_version_or_rule_says_nothing(made: Made) -> None:
    reference = read_reference(made.reference())
    (one,), _ = read_scores([made.folder / "score.txt"])
    sums = Sums(*np.zeros((4, 1)))
    whole = Scored(one, None, sums, sums)  # type: ignore[arg-type]
    assert unusable(whole, reference, Rules()) == ""
    assert unusable(whole, None, Rules()) == NO_REFERENCE
    assert "other rules of matching" in unusable(whole, reference, Rules(flips=True))
    assert "another version of this scoring file" in unusable(replace(whole, in_reference=None), reference, Rules())
    named = replace(whole, score=replace(one, name="Q"))
    assert unusable(named, reference, Rules()) == "the reference does not hold this score"
    assert reference.scores["P"].digest == one.terms.digest()
    assert replace(one.terms, weight=one.terms.weight * 2).digest() != one.terms.digest()


def test_a_patient_alone_is_placed_as_among_others(made: Made) -> None:
    reference = made.reference()
    calls = made.draw(np.repeat([0, 1], 100))
    calls[5, 7] = -1
    together = made.score(calls, ["X"] * 100 + ["Y"] * 100, reference)
    alone = made.score(calls[:, 7:8], ["X"], reference)
    numbers = ["sum_reference", "lost_variance", "z_population", "percentile"]
    assert alone[numbers].iloc[0].tolist() == together[numbers].iloc[7].tolist()


def test_panels_that_do_not_fit_are_refused_by_name(made: Made, tmp_path: Path) -> None:
    people = made.folder / "people.tsv"
    (tmp_path / "p.tsv").write_text(people.read_text() + "nobody\tX\n")
    with pytest.raises(InputError, match="1 of 301 reference people are not in it \\(nobody"):
        list(
            panel_genotypes.blocks(
                [made.folder / "panel.vcf"], np.array([1]), panel_genotypes.read_people(tmp_path / "p.tsv")
            )
        )
    short = (made.folder / "panel.vcf").read_text().rsplit("\t", 3)[0] + "\n"
    (tmp_path / "short.vcf").write_text(short)
    with pytest.raises(InputError, match="306 columns at 1:40"):
        list(panel_genotypes.blocks([tmp_path / "short.vcf"], np.arange(1, 41), panel_genotypes.read_people(people)))
    (tmp_path / "p.tsv").write_text("person\nx\n")
    with pytest.raises(InputError, match="no column population"):
        panel_genotypes.read_people(tmp_path / "p.tsv")
    old = (made.folder / "panel.vcf").read_text().replace("VCFv4.2", "VCFv4.2\n##contig=<ID=1,length=249250621>")
    (tmp_path / "old.vcf").write_text(old)
    with pytest.raises(InputError, match="another genome build"):
        list(panel_genotypes.blocks([tmp_path / "old.vcf"], np.array([1]), panel_genotypes.read_people(people)))


def test_an_indexed_panel_is_read_at_the_wanted_positions_alone(made: Made, tmp_path: Path) -> None:
    import pysam

    plain, packed = made.folder / "panel.vcf", tmp_path / "panel.vcf.gz"
    pysam.tabix_compress(str(plain), str(packed))
    people, wanted = panel_genotypes.read_people(made.folder / "people.tsv"), np.array([3, 4, 17, 99])
    (whole,) = panel_genotypes.blocks([packed], wanted, people)
    pysam.tabix_index(str(packed), preset="vcf")
    (fetched,) = panel_genotypes.blocks([packed], wanted, people)
    assert list(whole.key) == list(fetched.key) == [3, 4, 17]
    assert np.array_equal(whole.calls, fetched.calls) and np.array_equal(whole.calls, made.panel[[2, 3, 16]])


def test_a_panel_that_cannot_be_used_stops_no_cohort(made: Made) -> None:
    people = (made.folder / "people.tsv").read_text()
    (made.folder / "people.tsv").write_text(people + "nobody\tX\n")
    reference = made.reference(components=COMPONENTS, populations=COMPONENTS.with_name("ancestry_populations.tsv"))
    (made.folder / "people.tsv").write_text(people)
    assert "1 of 301 reference people are not in it" in (reference / "problems.tsv").read_text()
    table = made.score(made.draw(np.array([0])), ["X"], reference)
    assert table["reason"].tolist() == ["the reference does not hold this score"]


@pytest.mark.data
@pytest.mark.slow
@needs_data
def test_held_out_groups_of_1000_genomes_are_standardised() -> None:
    """Each half of the unrelated people judged by a fit on the other: mean within .1, SD within .9 to 1.1 per group."""
    with open(DATA / "cohort_1kgp/ref.psam") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    with open(DATA / "cohort_1kgp/ref.pcs") as handle:
        places = {r["IID"]: [float(r[f"PC{i + 1}"]) for i in range(6)] for r in csv.DictReader(handle, delimiter="\t")}
    chosen = [r for r in rows if r["#IID"] in places]
    people = panel_genotypes.People([r["#IID"] for r in chosen], [r["SuperPop"] for r in chosen])
    scores, _ = read_scores([DATA / "prs_1kgp/PGS000586_hmPOS_GRCh38.txt.gz"])
    found = reference_making.collect([DATA / "prs_1kgp/PGS000586_GRCh38.vcf.gz"], people, scores, None, Rules())
    s, x = found.sums[0], np.array([places[p] for p in people.names])
    z = np.full(len(s), np.nan)
    half = np.arange(len(s)) % 2 == 0
    for fitted in (half, ~half):
        centre, scale = x[fitted].mean(axis=0), x[fitted].std(axis=0)
        model = adjustment.fit(s[fitted], (x[fitted] - centre) / scale)
        z[~fitted] = adjustment.normalised(model, s[~fitted], (x[~fitted] - centre) / scale)[1]
    for group in sorted(set(people.population)):
        inside = z[np.array(people.population) == group]
        assert abs(inside.mean()) < 0.1 and 0.9 < inside.std() < 1.1, group
