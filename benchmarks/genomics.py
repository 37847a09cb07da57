"""Speed of the genomics room against plink2, whole processes, turn and turn about, on two cores.

    python benchmarks/genomics.py --folder FOLDER [--lines a b c d e few own memory arrays] [--turns 3] [--out FILE]

Makes the cohorts in FOLDER (msprime; needs 3 GB there while it runs). Lines:
  a       VCF -> VCF-Zarr, quality tables, 10 scores x 50,000 variants: `merge`, `cohort-qc`, `polygenic`, against
          plink2 --make-pgen; --missing --hardy --freq --het; --score. 2,500 people x 200,000 sites, GT
  b       VCF with GT:GQ:DP:AD and limits (DP >= 10, GQ >= 20) -> store: `merge` against plink2 --make-pgen with
          --vcf-min-gq --vcf-min-dp. 500 people x 20,000 sites
  c       quality from the store: `cohort-qc` against plink2 --missing --hardy --freq --het
  d       KING of all pairs over all sites, against plink2 --make-king
  e       20 components over pruned sites, against plink2 --pca 20
  few     VCF -> store where lines are short: `merge` against plink2 --make-pgen. 100 people x 200,000 sites, GT
  own     one person's VCF of 4,000,000 records to a checked, normalised one: `intake` against bcftools norm -m -any
  memory  peak memory of `merge` for 2,500 and for 10,000 people (25,000 sites)
  arrays  the store's arrays against bio2zarr's, value by value, on the cohort of `memory` (2,500 people)
Coverage against mosdepth is benchmarks/coverage.py. Prints wall seconds (median), processor seconds, peak memory of
all processes together, the ratio to plink2, and how well the answers agree. Needs plink2 on the PATH.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import genomics_cohorts as cohorts
from whole_processes import Bench, run

ROOT = Path(__file__).resolve().parents[1]
GOALS = {"a": 1.5, "b": 4.0, "c": 3.0, "d": 4.0, "e": 2.5}
N_SCORES, N_TERMS = 10, 50_000


def stage(name: str, **options: object) -> list[str]:
    """The command line that the rule of this stage runs."""
    out = [sys.executable, str(ROOT / "scripts" / "genomics.py"), name]
    for key, value in options.items():
        out += [f"--{key.replace('_', '-')}", str(value)]
    return out


def part(name: str, store: Path, out: Path, *files: Path) -> list[str]:
    return [sys.executable, str(ROOT / "benchmarks" / "genomics_parts.py"), name, str(store), *map(str, files),
            "--out", str(out)]  # fmt: skip


def plink(*words: object) -> list[str]:
    return ["plink2", "--threads", "2", *map(str, words)]


def cohort(folder: Path, name: str, people: int, sites: int, rich: bool = False) -> Path:
    """A joint VCF with its sheets; made once."""
    path = folder / f"{name}.vcf.gz"
    if not Path(f"{path}.csi").exists():
        cohorts.write(path, *cohorts.haplotypes(people, sites), rich=rich)
    names = "".join(f"P{i:05d}\tunknown\n" for i in range(people))
    (folder / f"{name}.patients.tsv").write_text(f"patient\tsex\n{names}")
    (folder / f"{name}.samples.tsv").write_text(f"patient\tmodality\tkind\tpath\n*\tgenomics\tvcf\t{path}\n")
    return path


def merge(folder: Path, name: str, threads: int = 2, **more: object) -> list[str]:
    return stage("merge", samples=folder / f"{name}.samples.tsv", sheet=folder / f"{name}.patients.tsv",
                 panel=ROOT / "resources/ancestry_1kgp.tsv", known_sites=ROOT / "resources/build_sites.tsv",
                 genotypes=folder / f"{name}.vcz", sources=folder / f"{name}.json",
                 quarantine=folder / f"{name}.q.tsv", threads=threads, **more)  # fmt: skip


def quality(folder: Path, name: str) -> list[str]:
    return stage("cohort-qc", genotypes=folder / f"{name}.vcz", sources=folder / f"{name}.json",
                 sheet=folder / f"{name}.patients.tsv", max_missing_rate=0.5, samples_qc=folder / f"{name}.sqc.tsv",
                 variants_qc=folder / f"{name}.vqc.tsv", threads=2)  # fmt: skip


def scoring(folder: Path, vcf: Path) -> tuple[Path, list[Path]]:
    """Ten scores over 50,000 of the sites whose alleles differ on both strands, effect allele ALT: as columns of one
    table (plink2), and as ten files of the PGS Catalog's form (the stage)."""
    import pysam

    table, files = folder / "scores.tsv", [folder / f"PGS{i:06d}.txt" for i in range(N_SCORES)]
    if not all(f.exists() for f in (table, *files)):
        rng = np.random.default_rng(cohorts.SEED)
        with pysam.TabixFile(str(vcf), index=f"{vcf}.csi") as table_of:
            sites = [line[:200].split("\t", 5)[:5] for line in table_of.fetch("chr1")]
        sites = [c for c in sites if {c[3], c[4]} not in ({"A", "T"}, {"C", "G"})]  # these the stage leaves out
        chosen = [sites[i] for i in sorted(rng.choice(len(sites), N_TERMS, replace=False))]
        weights = [[f"{w:.6f}" for w in rng.normal(0, 0.05, N_SCORES)] for _ in chosen]
        head = "\t".join(["id", "allele", *(f"s{i}" for i in range(N_SCORES))])
        lines = ["\t".join([c[2], c[4], *w]) for c, w in zip(chosen, weights, strict=True)]
        table.write_text("\n".join([head, *lines, ""]))
        for i, file in enumerate(files):
            head = f"#pgs_id={file.stem}\n#genome_build=GRCh38\n#variants_number={N_TERMS}\n" + "\t".join(
                ["rsID", "chr_name", "chr_position", "effect_allele", "other_allele", "effect_weight"]
            )
            lines = ["\t".join([c[2], "1", c[1], c[4], c[3], w[i]]) for c, w in zip(chosen, weights, strict=True)]
            file.write_text("\n".join([head, *lines, ""]))
    return table, files


def scores_of(folder: Path, name: str, files: list[Path]) -> list[str]:
    """`polygenic` with an ancestry table that knows nobody's ancestry: missing calls have no frequency and are left
    out of the sum, as plink2's no-mean-imputation does."""
    from consilium.core.register import TABLES
    from consilium.core.store import write_table

    ancestry = folder / f"{name}.ancestry.tsv"
    write_table(ancestry, "ancestry", TABLES["ancestry"].empty())
    ends = {"out": "pgs.tsv", "matches": "pgs.parquet", "adjusted": "adjusted.tsv", "quarantine": "pgs.q.tsv"}
    command = stage("polygenic", genotypes=folder / f"{name}.vcz", sheet=folder / f"{name}.patients.tsv",
                    ancestry=ancestry, panel=ROOT / "resources/ancestry_1kgp.tsv",
                    known_sites=ROOT / "resources/build_sites.tsv", threads=2,
                    **{k: folder / f"{name}.{end}" for k, end in ends.items()})  # fmt: skip
    return [*command, *(word for f in files for word in ("--scores", str(f)))]


def line_a(bench: Bench) -> None:
    folder = bench.folder
    vcf = cohort(folder, "gt", 2_500, 200_000)
    table, files = scoring(folder, vcf)
    ours = [merge(folder, "gt"), quality(folder, "gt"), scores_of(folder, "gt", files)]
    theirs = [plink("--vcf", vcf, "--make-pgen", "--out", "gt"), plink_quality("gt"),
              plink("--pfile", "gt", "--score", table, 1, 2, "header", "cols=+scoresums,-scoreavgs",
                    "no-mean-imputation", "--score-col-nums", f"3-{2 + N_SCORES}", "--out", "gt")]  # fmt: skip

    def agree() -> str:
        import pandas as pd

        got = pd.read_csv(folder / "gt.pgs.tsv", sep="\t")
        sums = got.pivot(index="patient", columns="score", values="sum")[[f.stem for f in files]].to_numpy()
        expected = np.genfromtxt(folder / "gt.sscore", delimiter="\t", skip_header=1)[:, -N_SCORES:]
        gap = np.abs(sums - expected).max()
        return f"sums differ by at most {gap:.1e} (plink2 prints 6 digits); {_same_counts(folder)}"

    bench.against("a", {"merge + cohort-qc + polygenic": ours, "merge alone": ours[:1], "polygenic alone": ours[2:]},
                  theirs, agree)  # fmt: skip


def plink_quality(name: str) -> list[str]:
    return plink("--pfile", name, "--missing", "--hardy", "--freq", "--het", "--out", name)


def _same_counts(folder: Path) -> str:
    """Agreement of the quality tables of cohort gt."""
    import pandas as pd

    ours = pd.read_csv(folder / "gt.vqc.tsv", sep="\t")
    hardy, frequency = (pd.read_csv(folder / f"gt.{end}", sep="\t") for end in ("hardy", "afreq"))
    missing = pd.read_csv(folder / "gt.vmiss", sep="\t")
    calls = int((2 * ours["n_called"] != frequency["OBS_CT"]).sum())
    return (f"{calls} sites with other call counts; largest difference HWE p {_gap(ours['hwe_p'], hardy['P'])}, "
            f"frequency {_gap(ours['alt_freq'], frequency['ALT_FREQS'])}, "
            f"missing rate {_gap(ours['missing_rate'], missing['F_MISS'])}")  # fmt: skip


def _gap(a: np.ndarray, b: np.ndarray) -> str:
    return f"{np.nanmax(np.abs(a - b)):.0e}"


def line_b(bench: Bench) -> None:
    folder = bench.folder
    vcf = cohort(folder, "rich", 500, 20_000, rich=True)
    theirs = plink("--vcf", vcf, "--vcf-min-gq", 20, "--vcf-min-dp", 10, "--make-pgen", "--out", "rich")

    def agree() -> str:
        subprocess.run(plink("--pfile", "rich", "--missing", "--out", "rich"), cwd=folder, capture_output=True)
        lost = np.loadtxt(folder / "rich.vmiss", delimiter="\t", skiprows=1, usecols=2)
        from consilium.genomics.cohort import planes

        with planes.open_planes(folder / "rich.vcz") as packed:
            found = planes.site_counts(packed).no_call
        return f"{int((found != lost).sum())} sites with other counts of missing calls"

    bench.against("b", {"merge": [merge(folder, "rich", min_dp=10, min_gq=20)]}, [theirs], agree)


def _store(bench: Bench) -> Path:
    vcf = cohort(bench.folder, "gt", 2_500, 200_000)
    if not (bench.folder / "gt.vcz").exists():
        run([merge(bench.folder, "gt"), plink("--vcf", vcf, "--make-pgen", "--out", "gt")], bench.folder)
    return bench.folder / "gt.vcz"


def line_c(bench: Bench) -> None:
    _store(bench)
    bench.against("c", {"cohort-qc": [quality(bench.folder, "gt")]}, [plink_quality("gt")],
                  lambda: _same_counts(bench.folder))  # fmt: skip


def line_d(bench: Bench) -> None:
    store, out = _store(bench), bench.folder / "king.npy"

    def agree() -> str:
        expected = np.fromfile(bench.folder / "gt.king.bin")
        n = int((1 + np.sqrt(1 + 8 * len(expected))) / 2)
        got = np.load(out).T[np.tril_indices(n, -1)]
        told = np.isfinite(expected)  # -inf of plink2, NaN of ours: somebody without a heterozygous site
        other = int((told != np.isfinite(got)).sum())
        return f"largest difference {np.abs(got - expected)[told].max():.0e}, {other} pairs told by one alone"

    bench.against("d", {"king": [part("king", store, out)]},
                  [plink("--pfile", "gt", "--make-king", "triangle", "bin", "--out", "gt")], agree)  # fmt: skip


def line_e(bench: Bench) -> None:
    store, out, rows = _store(bench), bench.folder / "pca.npy", bench.folder / "rows.txt"
    if not rows.exists():
        run([plink("--pfile", "gt", "--maf", 0.01, "--indep-pairwise", 200, 50, 0.2, "--out", "gt")], bench.folder)
        kept = set((bench.folder / "gt.prune.in").read_text().split())
        with open(bench.folder / "gt.pvar") as handle:
            names = [line.split("\t")[2] for line in handle if not line.startswith("#")]
        rows.write_text("".join(f"{i}\n" for i, name in enumerate(names) if name in kept))

    def agree() -> str:
        expected = np.genfromtxt(bench.folder / "gt.eigenvec", skip_header=1)[:, -20:]
        got = np.load(out)
        r = [abs(np.corrcoef(got[:, i], expected[:, i])[0, 1]) for i in range(2)]
        return f"{len(rows.read_text().split())} sites; correlation of the first two components {min(r):.4f}"

    bench.against("e", {"components": [part("pca", store, out, rows)]},
                  [plink("--pfile", "gt", "--extract", "gt.prune.in", "--pca", 20, "--out", "gt")], agree)  # fmt: skip


def line_few(bench: Bench) -> None:
    vcf = cohort(bench.folder, "few", 100, 200_000)
    bench.against("few", {"merge": [merge(bench.folder, "few")]},
                  [plink("--vcf", vcf, "--make-pgen", "--out", "few")], lambda: "")  # fmt: skip


def line_own(bench: Bench) -> None:
    folder, vcf = bench.folder, bench.folder / "own.vcf.gz"
    if not vcf.exists():
        cohorts.one_person(vcf, 4_000_000)
    (folder / "own.samples.tsv").write_text(f"patient\tmodality\tkind\tpath\nP00000\tgenomics\tvcf\t{vcf}\n")
    ours = stage("intake", samples=folder / "own.samples.tsv", patients="P00000", folder=folder / "own",
                 panel=ROOT / "resources/ancestry_1kgp.tsv", known_sites=ROOT / "resources/build_sites.tsv",
                 manifest=folder / "own.json")  # fmt: skip
    theirs = ["bcftools", "norm", "-m", "-any", "-Oz", "-o", "own.norm.vcf.gz", str(vcf)]

    def agree() -> str:
        made = folder / "own" / "P00000" / "genomics_intake" / "variants.vcf.gz"
        count = ["bcftools", "index", "--nrecords"]
        rows = [subprocess.run([*count, str(p)], capture_output=True, text=True).stdout.strip()
                for p in (made, folder / "own.norm.vcf.gz")]  # fmt: skip
        return f"{rows[0]} records, bcftools {rows[1]}"

    fresh = ["rm", "-rf", str(folder / "own")]  # an unchanged file is not read again
    bench.against("own", {"intake": [fresh, ours]},
                  [theirs, ["bcftools", "index", "-f", "own.norm.vcf.gz"]], agree, "bcftools")  # fmt: skip


def line_memory(bench: Bench) -> None:
    for people in (2_500, 10_000):
        name = f"n{people}"
        cohort(bench.folder, name, people, 25_000)
        for threads in (1, 2):
            found = run([merge(bench.folder, name, threads)], bench.folder)
            bench.say("memory", f"merge, {people} people, {threads} processes", f"{found.wall:.2f}", "",
                      f"{found.cpu:.2f}", f"{found.peak:.0f}", "", "1000 MB", "")  # fmt: skip


def line_arrays(bench: Bench) -> None:
    import bio2zarr.vcf
    import zarr
    from consilium.genomics.cohort import vcfzarr

    vcf, folder = cohort(bench.folder, "n2500", 2_500, 25_000), bench.folder
    run([merge(folder, "n2500")], folder)
    theirs = folder / "bio2zarr.vcz"
    shutil.rmtree(theirs, ignore_errors=True)
    start = time.perf_counter()
    bio2zarr.vcf.convert([vcf], theirs, worker_processes=2, icf_path=folder / "b.icf", show_progress=False,
                         variants_chunk_size=vcfzarr.height(2_500))  # fmt: skip
    wall = time.perf_counter() - start
    a, b = (zarr.open_group(str(p), mode="r", zarr_format=2) for p in (theirs, folder / "n2500.vcz"))
    other = [n for n in a.array_keys() if n in b and n not in ("contig_id", "contig_length", "variant_filter")
             and not np.array_equal(np.asarray(a[n]), np.asarray(b[n]), equal_nan=n == "variant_quality")]  # fmt: skip
    bench.say("arrays", "bio2zarr explode + encode", f"{wall:.2f}", "", "", "", "", "",
              f"arrays that differ: {', '.join(other) or 'none'}")  # fmt: skip
    shutil.rmtree(theirs)
    shutil.rmtree(folder / "b.icf", ignore_errors=True)


LINES = {"a": line_a, "b": line_b, "c": line_c, "d": line_d, "e": line_e, "few": line_few, "own": line_own,
         "memory": line_memory, "arrays": line_arrays}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--lines", nargs="*", choices=list(LINES), default=list(LINES))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.folder.resolve(), given.turns, "plink2", GOALS)
    bench.say(
        f"# {platform.machine()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} at the start"
    )
    bench.say("line", "what", "wall_s", "least_s", "cpu_s", "peak_mb", "ratio", "goal", "agreement")
    for name in given.lines:
        LINES[name](bench)
    bench.say(f"# load {os.getloadavg()[0]:.1f} at the end")
    if given.out:
        given.out.write_text("\n".join(bench.lines) + "\n")


if __name__ == "__main__":
    main()
