"""The stages on a family, two strangers and a pair of exchanged patients, all in one joint VCF with depths."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.core.store import read_table
from consilium.genomics import stages
from consilium.genomics.intake.build import LENGTHS
from vcf_files import SITES

NAMES = ["F", "M", "C", "S", "T", "U"]  # father, mother, child; S and T exchanged; U alone


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("relations")
    rng = np.random.default_rng(12)
    n, n_x = 900, 60
    f = rng.uniform(0.2, 0.8, n + n_x)
    strands = rng.binomial(1, f[:, None, None], (n + n_x, 6, 2))
    rows = np.arange(n + n_x)
    strands[:, 2] = np.stack([strands[rows, p, rng.integers(0, 2, n + n_x)] for p in (0, 1)], axis=1)
    men = [0, 2, 3]
    strands[n:, men, 1] = strands[n:, men, 0]  # homozygous X of men
    strands[n:, 2] = strands[n:, 1, :1]  # the son's X is his mother's
    strands[200:500, 5] = strands[200:500, 5, :1]  # a long run of homozygosity of U
    strands = strands[:, [0, 1, 2, 4, 3, 5]]  # S carries the genotypes of T
    position = np.concatenate([1_000_000 + 20_000 * np.arange(n), 5_000_000 + 200_000 * np.arange(n_x)])
    lines = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
             *(f"##contig=<ID={c},length={LENGTHS['GRCh38'][c]}>" for c in ("chr1", "chrX")),
             "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *NAMES])]  # fmt: skip
    for i, p in enumerate(position):
        calls = ["/".join(map(str, pair)) for pair in strands[i]]
        lines.append("\t".join(["chr1" if i < n else "chrX", str(p), ".", "A", "G", ".", "PASS", ".", "GT", *calls]))
    (folder / "joint.vcf").write_text("\n".join(lines) + "\n")
    panel = "".join(f"chr1\t{p}\tA\tG\t{q:.4f}\n" for p, q in zip(position[:n], f[:n], strict=True))
    (folder / "panel.tsv").write_text("chrom\tpos\tref\talt\tX\n" + panel)
    sheet = "patient\tsex\tfamily\tfather\tmother\nF\tmale\tA\t\t\nM\tfemale\tA\t\t\nC\tmale\tA\tF\tM\n"
    (folder / "p.tsv").write_text(sheet + "S\tmale\t\t\t\nT\tfemale\t\t\t\nU\tfemale\t\t\t\n")
    (folder / "s.tsv").write_text(f"patient\tmodality\tkind\tpath\n*\tgenomics\tvcf\t{folder / 'joint.vcf'}\n")
    return run(folder)


def run(folder: Path) -> dict[str, pd.DataFrame]:
    names = "samples_qc variants_qc ancestry kinship families mendel homozygosity genotype_identity identity"
    at = {name: folder / f"{name}.tsv" for name in names.split()}
    genotypes, sources = folder / "g.vcz", folder / "sources.json"
    stages.merge(sheet=folder / "p.tsv", samples=folder / "s.tsv", panel=folder / "panel.tsv", known_sites=SITES,
                 genotypes=genotypes, sources=sources, quarantine=folder / "q.tsv")  # fmt: skip
    stages.cohort_qc(genotypes, sources, folder / "p.tsv", 0.5, at["samples_qc"], at["variants_qc"])
    stages.structure(genotypes, folder / "p.tsv", folder / "panel.tsv", at["ancestry"], at["kinship"])
    stages.identity(folder / "s.tsv", genotypes, sources, folder / "panel.tsv", folder, 0.03, at["identity"])
    stages.families(genotypes, folder / "p.tsv", folder / "panel.tsv", at["kinship"], at["samples_qc"],
                    at["families"], at["mendel"])  # fmt: skip
    stages.homozygosity(genotypes, folder / "panel.tsv", at["ancestry"], at["homozygosity"])
    stages.genotype_identity(folder / "s.tsv", folder / "p.tsv", folder / "panel.tsv", at["kinship"], at["samples_qc"],
                             at["identity"], at["families"], 0.015, at["genotype_identity"])  # fmt: skip
    return {name: read_table(path, name) for name, path in at.items()}


def test_the_trio_fits(made: dict[str, pd.DataFrame]) -> None:
    row = made["mendel"].iloc[0]
    assert (row["child"], row["father"], row["mother"], row["basis"], row["verdict"]) == (
        "C",
        "F",
        "M",
        "sheet",
        "fits",
    )
    assert (row["n_sites"], row["n_errors"]) == (900, 0)
    assert made["families"].set_index("patient")["family"].to_dict() == {
        "F": "F1", "M": "F1", "C": "F1", "S": "", "T": "", "U": ""}  # fmt: skip


def test_exchanged_patients_are_found(made: dict[str, pd.DataFrame]) -> None:
    found = made["genotype_identity"].set_index("patient")
    assert found["verdict"].to_dict() == {"F": "consistent", "M": "consistent", "C": "consistent",
                                          "S": "swap", "T": "swap", "U": "consistent"}  # fmt: skip
    assert (found["likely_patient"]["S"], found["likely_patient"]["T"]) == ("T", "S")
    assert set(found["contamination_verdict"]) == {"not assessed"}


def test_the_run_is_found(made: dict[str, pd.DataFrame]) -> None:
    found = made["homozygosity"].set_index("patient")
    assert found["n_runs"].to_dict() == {"F": 0, "M": 0, "C": 0, "S": 0, "T": 0, "U": 1}
    assert found["longest_mb"]["U"] == pytest.approx(6.0, abs=0.3)
    assert (found["n_long"]["U"], found["long_mb"]["U"]) == (1, found["longest_mb"]["U"])
    assert found["n_long"]["F"] == found["long_mb"]["F"] == 0
    assert found["f_roh"]["U"] == pytest.approx(6 / 18, abs=0.03)
    assert found["f"]["U"] == pytest.approx(1 / 3, abs=0.1) and abs(found["f"]["F"]) < 0.1
