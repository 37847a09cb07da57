"""The whole demo cohort: people, genomes, outcomes, every raw file, the sheets, the config and the truth beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilium.core import provenance, store
from consilium.core.errors import InputError, Problem
from consilium.core.provenance import file_digest, seed_from, value_digest, versions
from consilium.core.store import write_text

if TYPE_CHECKING:
    import pandas as pd

STAMP = "stamp.json"
STAR_TABLES = Path(__file__).resolve().parents[3] / "resources" / "star_alleles"
SAMPLE_COLUMNS = ("patient", "modality", "kind", "path", "taken_on")
OUTCOMES = ("diagnosis", "survival_days", "event", "treatment", "response")
EXTRA = 13  # patients X01 … with broken files: eight images, five genomes; tables and texts go with X01
Rows = list[dict[str, str]]
Truth = dict[str, "pd.DataFrame"]


def make(out: Path, patients: int, seed: int, faults: bool = False, imaged: int | None = None) -> bool:
    """Write a demo cohort to `out`; False if it is there already, made by the same code from the same settings.

    Of all patients only the first `imaged` have images (None: all of them). Raises InputError if `out` holds something
    else, or `patients` is too small.
    """
    wanted = _stamp(out, patients, seed, faults, imaged)
    if _stands(out, wanted):
        return False
    _clear(out, patients)
    write_text(out / STAMP, json.dumps({"unfinished": True}) + "\n")
    _write(out, patients, seed, faults, imaged)
    write_text(out / STAMP, json.dumps({**wanted, "files": _files(out)}, indent=1) + "\n")
    return True


def _stamp(out: Path, patients: int, seed: int, faults: bool, imaged: int | None) -> dict[str, Any]:
    made_by = versions("msprime", "pysam", "numpy", "pandas", "scipy", "nibabel", "nilearn", "pydicom")
    return {"out": str(out), "patients": patients, "seed": seed, "faults": faults, "imaged": imaged,
            "code": _code(), "star_alleles": file_digest(STAR_TABLES), "made_by": made_by}  # fmt: skip


def _code() -> str:
    """Hash of the code that writes the cohort: this folder, and what of core decides on bytes."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(provenance.__file__), Path(store.__file__)]
    return value_digest([[p.name, file_digest(p)] for p in files])


def _files(out: Path) -> list[int]:
    """Number and bytes of everything written: enough to notice that something is gone."""
    sizes = [p.stat().st_size for p in out.rglob("*") if p.is_file() and p.name != STAMP]
    return [len(sizes), sum(sizes)]


def _stands(out: Path, wanted: dict[str, Any]) -> bool:
    try:
        kept = json.loads((out / STAMP).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    files = kept.pop("files", None)
    return bool(kept == wanted and files == _files(out))


def _clear(out: Path, patients: int) -> None:
    """Removes an older demo cohort; refuses a folder that is none."""
    from consilium.simulate.people import SMALLEST

    if patients < SMALLEST:
        raise InputError(Problem("--patients", str(patients), f"at least {SMALLEST}", "ask for more patients"))
    if out.exists() and any(out.iterdir()) and not (out / STAMP).exists():
        raise InputError(
            Problem(str(out), "a folder with other content", "an empty folder or an older demo cohort", "name another")
        )
    for name in ("raw", "truth"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("patients.tsv", "samples.tsv", "config.yaml"):
        (out / name).unlink(missing_ok=True)


def _write(out: Path, patients: int, seed: int, faults: bool, imaged: int | None) -> None:
    from consilium.simulate import expression, genomes, images, labs, outcomes, people, texts

    everybody = people.draw(patients, seed)
    if imaged is not None:
        everybody.loc[imaged:, list(people.IMAGES)] = False
    drawn = genomes.simulate(everybody, seed)
    everybody = outcomes.add(everybody, drawn.z, seed)
    rows, truth, sex = _genomics(everybody, drawn, out, seed)
    extra = _extra(seed) if faults else None
    written = everybody if extra is None else _joined(everybody, extra)
    for writer in (images, expression, labs, texts):
        more, known = writer.write(written, out, seed)
        rows += more
        _add_truth(truth, known)
    if extra is not None:
        for writer in (images, expression, labs, texts):
            more, known = writer.faults(extra, out, seed)
            rows += more
            _add_truth(truth, known)
        _genome_faults(everybody, drawn, extra, out, seed, rows, truth)
        owner = {row["path"]: row["patient"] for row in rows}
        told = truth["faults"].assign(patient=truth["faults"]["file"].map(owner))
        told["line"] = told["line"].fillna(0).astype(int)
        truth["faults"] = told[["patient", "file", "line", "what"]].sort_values(["patient", "file", "line"])
    truth["people"] = everybody
    _sheets(out, written, sex, rows)
    write_text(out / "config.yaml", config(out))
    for name, table in truth.items():
        write_text(out / "truth" / f"{name}.tsv", _tsv(table))


def _genomics(everybody: pd.DataFrame, drawn: Any, out: Path, seed: int) -> tuple[Rows, Truth, pd.DataFrame]:
    import numpy as np

    from consilium.simulate import panels, reads, sequence, truth, variants

    folder = out / "raw" / "genomics"
    sequence.write(folder / "reference.fa.gz", drawn.sequences)
    panels.write_ancestry(folder / "ancestry_reference.tsv", drawn.sites)
    panels.write_score(folder / "demo_score.txt.gz", drawn.sites, seed)
    style = variants.styles(everybody, drawn, seed)
    rows = variants.write(everybody, drawn, style, out, seed)
    more, of_reads = reads.write(everybody, drawn, out, seed)
    sex = truth.sheet_sex(everybody, style, np.random.default_rng(seed_from(seed, "sex in sheet")))
    known = {
        "pharmacogenes": truth.star_alleles(drawn, style),
        "genomes": style,
        "polygenic": truth.polygenic(everybody, drawn, seed),
        "kinship": truth.kinship(everybody),
        "reads": of_reads,
        "sex": sex,
    }
    return rows + more, known, sex


def _extra(seed: int) -> pd.DataFrame:
    """Patients X01 … for the broken files: ordinary records and texts, no outcome, no intact image or genome."""
    import numpy as np

    from consilium.simulate import outcomes, people

    extra = people.draw(EXTRA, seed_from(seed, "extra patients"))
    extra["patient"] = [f"X{i:02d}" for i in range(1, EXTRA + 1)]
    extra = extra.assign(family="", father="", mother="", child=False)
    for name in (*people.BLOCKS, "has_reads"):
        extra[name] = name in ("has_labs", "has_expression", "has_text")
    z = np.random.default_rng(seed_from(seed, "extra scores")).standard_normal(EXTRA)
    return outcomes.add(extra, z, seed_from(seed, "extra outcomes")).assign(outcome_known=False)


def _genome_faults(
    everybody: pd.DataFrame, drawn: Any, extra: pd.DataFrame, out: Path, seed: int, rows: Rows, truth: Truth
) -> None:
    from consilium.simulate import faults

    having = everybody.loc[everybody["has_reads"], "patient"]
    bam = out / "raw" / "genomics" / f"{having.iloc[0]}.bam" if len(having) else None
    last = list(extra["patient"])[-len(faults.WHAT) :]
    more, known = faults.write(last, drawn, drawn.patients[0], bam, out, seed)
    rows += more
    _add_truth(truth, {"faults": known})


def _joined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([first, second], ignore_index=True)


def _add_truth(truth: Truth, more: Truth) -> None:
    for name, table in more.items():
        truth[name] = _joined(truth[name], table) if name in truth else table


def _sheets(out: Path, people: pd.DataFrame, sex: pd.DataFrame, rows: Rows) -> None:
    import pandas as pd

    in_sheet = people["patient"].map(dict(zip(sex["patient"], sex["sex_in_sheet"], strict=True)))
    sheet = people.assign(sex=in_sheet.fillna(people["sex"]))
    for name in OUTCOMES:
        sheet[name] = sheet[name].astype(object).where(sheet["outcome_known"], "")
    columns = ["patient", "sex", "birth_year", "site", "family", "index_date", *OUTCOMES]
    write_text(out / "patients.tsv", _tsv(sheet[columns]))
    samples = pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS))
    samples = samples.sort_values(["modality", "kind", "patient", "path"], kind="stable")
    write_text(out / "samples.tsv", _tsv(samples))


def _tsv(table: pd.DataFrame) -> str:
    return str(table.to_csv(sep="\t", index=False, float_format="%.10g", lineterminator="\n"))


def config(out: Path) -> str:
    """The cohort's config.yaml; the cohort is called like its folder."""
    name = "".join(c if c.isalnum() or c in "_-" else "_" for c in out.resolve().name).lstrip("_-") or "demo"
    return f"""\
# Simulated patients: scripts/make_cohort.py. What was planted lies in {out}/truth, which the workflow never reads.
cohort: {name}
results: results
patients: {out}/patients.tsv
samples: {out}/samples.tsv

genomics:
  reference: {out}/raw/genomics/reference.fa.gz
  ancestry_reference: {out}/raw/genomics/ancestry_reference.tsv
  ancestry_components: null
  polygenic_scores:
    - {out}/raw/genomics/demo_score.txt.gz

learn:
  tasks:
    - name: diagnosis
      type: classification
      outcome: diagnosis
    - name: survival
      type: survival
      time: survival_days
      event: event

treatment:
  effect:
    treatment: treatment
    option: drug_y
    outcome: response
    higher_is_better: true

report:
  title: consilium demo cohort (simulated patients)
"""
