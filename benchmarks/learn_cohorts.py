"""Public cohorts with known answers as the room `learn` takes them, from the folder of real data; and a made one.

Each function: (folder of real data, work folder) -> Public. Nothing is chosen or fitted here.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.learn.cohort.data import Block, Cohort, gathered  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402

Array = np.ndarray


@dataclass(frozen=True)
class Public:
    """test: the published test rows (bool), None where there is no published split."""

    name: str
    cohort: Cohort
    target: Target
    test: Array | None = None


def table(name: str, title: str, values: pd.DataFrame, present: Array | None = None) -> Block:
    """A block of a table; present: patients who have it (default: any value)."""
    x = values.to_numpy(dtype=np.float32)
    present = np.isfinite(x).any(axis=1) if present is None else present
    x = np.where(present[:, None], x, np.nan).astype(np.float32)
    reasons = tuple("" if p else "not supplied" for p in present)
    return Block(name, title, "table", x, present, reasons, tuple(map(str, values.columns)), ("",) * x.shape[1])


def cohort(patients: list[str], blocks: list[Block], sites: list[str] | None = None) -> Cohort:
    n = len(patients)
    ordered = tuple(sorted(blocks, key=lambda b: b.name))
    return Cohort(tuple(patients), tuple(sites or [""] * n), ("",) * n, ordered)


def survival(time: Array, event: Array) -> Target:
    return Target("survival", np.zeros(len(time)), np.asarray(time, dtype=float), np.asarray(event, dtype=float))


def classes(labels: pd.Series) -> Target:
    names = tuple(sorted(set(labels)))
    y = np.array([names.index(v) for v in labels])
    return Target("classification", y, np.full(len(y), np.nan), np.zeros(len(y)), names)


def without(cohort: Cohort, name: str, rows: Array) -> Cohort:
    """The cohort with block `name` taken from these rows (bool)."""
    blocks = []
    for b in cohort.blocks:
        if b.name == name:
            values = b.values.copy()
            values[rows] = np.nan
            reasons = tuple("removed" if r else old for r, old in zip(rows, b.reasons, strict=True))
            b = replace(b, values=values, present=b.present & ~rows, reasons=reasons)
        blocks.append(b)
    return replace(cohort, blocks=tuple(blocks))


def _split_file(path: Path, names: list[str], name: str) -> Public:
    """Train and test part of a DeepSurv file (x, t, e), in this order."""
    import h5py

    with h5py.File(path) as file:
        parts = {s: {k: file[s][k][:] for k in "xte"} for s in ("train", "test")}
    both = {k: np.concatenate([parts["train"][k], parts["test"][k]]) for k in "xte"}
    n, n_train = len(both["t"]), len(parts["train"]["t"])
    block = table("ehr/clinical", "Clinical", pd.DataFrame(both["x"], columns=names))
    whole = cohort([f"P{i:05d}" for i in range(n)], [block])
    # A time of zero is a day not counted; the room asks for times above zero.
    return Public(name, whole, survival(np.maximum(both["t"], 1e-3), both["e"]), np.arange(n) >= n_train)


def gbsg(data: Path, _work: Path) -> Public:
    """Rotterdam (train) and GBSG trial (test) breast cancer; recurrence-free survival, months."""
    names = ["hormone", "grade", "menopause", "age", "nodes", "progesterone", "estrogen"]
    return _split_file(data / "treatment/survival/gbsg_cancer_train_test.h5", names, "gbsg")


def metabric(data: Path, _work: Path) -> Public:
    """METABRIC breast cancer: four genes, four clinical flags, age; overall survival, months."""
    names = ["MKI67", "EGFR", "PGR", "ERBB2", "hormone", "radiotherapy", "chemotherapy", "er_positive", "age"]
    return _split_file(data / "treatment/survival/metabric_IHC4_clinical_train_test.h5", names, "metabric")


def glioma(data: Path, _work: Path, diagnosis: bool = True) -> Public:
    """TCGA glioma, one row a patient: clinical (age, sex, diagnosis), RNA, copy number, mutations -> survival."""
    rows = pd.read_csv(data / "multimodal/tcga_gbmlgg/gbmlgg_open.csv.gz", low_memory=False)
    rows = rows.drop_duplicates("case_id").sort_values("case_id").reset_index(drop=True)
    parts = {s: rows[[c for c in rows.columns if c.endswith(s)]] for s in ("_rnaseq", "_cnv", "_mut")}
    blocks = [
        table("sheet/demographics", "Age and sex", rows[["age", "is_female"]].set_axis(["age", "female"], axis=1)),
        table("omics/expression", "RNA", parts["_rnaseq"]),
        table("omics/copy_number", "Copy number", parts["_cnv"]),
        table("omics/mutation", "Mutations", parts["_mut"]),
    ]
    if diagnosis:
        blocks.append(table("ehr/clinical", "Histological diagnosis", pd.get_dummies(rows["oncotree_code"])))
    images = _lesions(data / "imaging/lgg_radiogenomics/flair96_open.tar", rows["case_id"].tolist())
    return Public(
        "glioma", cohort(rows["case_id"].tolist(), [*blocks, images]),
        survival(np.maximum(rows["survival_months"], 0.01), 1 - rows["censorship"]),
    )  # fmt: skip


def lower_grade(data: Path, work: Path, outcome: str, leave: tuple[str, ...] = ()) -> Public:
    """Lower-grade gliomas with images: `outcome`, a column of the table beside the images, from all blocks but `leave`.

    The histological diagnosis is never among them: pathologists give it together with the grade.
    """
    whole = glioma(data, work, diagnosis=False).cohort
    labels = pd.read_csv(data / "imaging/lgg_radiogenomics/data_open.csv")
    labels["patient"] = labels["Patient"].str.replace("_", "-")
    known = labels.dropna(subset=[outcome]).set_index("patient")[outcome].astype(int).astype(str)
    rows = np.array([i for i, p in enumerate(whole.patients) if p in known.index])
    kept = whole.take(rows)
    blocks = tuple(b for b in kept.blocks if b.name not in leave)
    return Public(f"lgg {outcome}", replace(kept, blocks=blocks), classes(known.loc[list(kept.patients)]))


def _lesions(archive: Path, cases: list[str]) -> Block:
    """Eight plain measures of the expert-drawn lesion on FLAIR slices, of the patients who have images."""
    import io
    import tarfile

    names = ["voxels", "share", "slices", "height", "width", "mean", "sd", "contrast"]
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            handle = tar.extractfile(member)
            if handle is None:
                continue
            arrays = np.load(io.BytesIO(handle.read()))
            image, mask = arrays["flair"].astype(float), arrays["mask"] > 0
            found[Path(member.name).stem.rsplit("_", 1)[0].replace("_", "-")] = _lesion(image, mask)
    nothing = [np.nan] * len(names)
    return table(
        "imaging/lesion", "Lesion on FLAIR", pd.DataFrame([found.get(c, nothing) for c in cases], columns=names)
    )


def _lesion(image: Array, mask: Array) -> list[float]:
    """voxels, share of the head, slices, extent in the plane, mean and SD inside and contrast in SD of the head."""
    head = image > 0.1 * image.max()
    if not mask.any():
        return [0.0, 0.0, 0.0, 0.0, 0.0, np.nan, np.nan, np.nan]
    inside, spread = image[mask], max(float(image[head].std()), 1e-9)
    rows, columns = np.flatnonzero(mask.any(axis=(0, 2))), np.flatnonzero(mask.any(axis=(0, 1)))
    level = float(image[head].mean())
    return [
        float(np.log1p(mask.sum())), float(mask.sum() / head.sum()), float(mask.any(axis=(1, 2)).sum()),
        float(np.ptp(rows)), float(np.ptp(columns)), float(inside.mean() / level), float(inside.std() / spread),
        float((inside.mean() - level) / spread),
    ]  # fmt: skip


def breast(data: Path, _work: Path) -> Public:
    """TCGA breast cancer: mRNA, miRNA, protein -> PAM50 (150 patients)."""
    folder = data / "multimodal/breast_tcga"
    labels = pd.read_csv(folder / "data.train_subtype.csv")["subtype"]
    blocks, patients = [], []
    for kind, name in (("mrna", "expression"), ("mirna", "mirna"), ("protein", "protein")):
        values = pd.read_csv(folder / f"data.train_{kind}.csv.gz", index_col=0)
        patients = [str(p) for p in values.index]
        blocks.append(table(f"omics/{name}", kind, values))
    return Public("breast", cohort(patients, blocks), classes(labels))


def physionet(data: Path, work: Path) -> Public:
    """3,000 ICU stays: raw series through the room ehr (harmonise, features) -> death in hospital."""
    from consilium.core.sheets import read_patients
    from consilium.ehr import stages

    spec = importlib.util.spec_from_file_location("prepare", ROOT / "tests/configs/prepare_physionet.py")
    assert spec is not None and spec.loader is not None
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    out, features = work / "physionet", work / "physionet/ehr.zarr.zip"
    if not features.exists():
        prepare.write(data / "ehr/physionet2012", out)
        tables = {k: ROOT / f"resources/{k}.tsv" for k in ("analytes", "units", "drug_names")}
        made = ("observations", "alerts", "drugs", "diagnoses", "notes", "quarantine")
        ends = {"observations": "parquet", "notes": "json"}
        files = {k: out / f"{k}.{ends.get(k, 'tsv')}" for k in made}
        sheets = {"samples": out / "samples.tsv", "patients": out / "patients.tsv"}
        stages.harmonise(**sheets, **tables, ranges=ROOT / "resources/reference_ranges.tsv", **files)
        stages.features(
            **sheets, observations=files["observations"], notes=files["notes"], window_days=2, bins=24,
            features=features,
        )  # fmt: skip
    whole = gathered([features], read_patients(out / "patients.tsv"))
    deaths = pd.read_csv(out / "patients.tsv", sep="\t").set_index("patient")["death"]
    return Public("physionet", whole, classes(deaths.loc[list(whole.patients)]))


def three_blocks(seed: int, n: int = 600, features: int = 40) -> Public:
    """Three noisy views of one hidden severity, each with nuisance of its own; two classes.

    Every view alone tells the classes apart with an AUC of about .80 to .85, all three with about .90.
    """
    rng = np.random.default_rng(seed)
    severity = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-3.0 * severity))).astype(int)
    blocks = []
    for m in range(3):
        view = severity + 0.6 * rng.normal(size=n)
        loading = rng.normal(size=features) * (rng.random(features) < 0.3)
        nuisance = rng.normal(size=(n, 4)) @ rng.normal(size=(4, features))
        x = view[:, None] * loading + 0.7 * nuisance + rng.normal(size=(n, features))
        blocks.append(table(f"omics/view{m + 1}", f"View {m + 1}", pd.DataFrame(x, columns=range(features))))
    return Public(f"three_blocks_{seed}", cohort([f"P{i:04d}" for i in range(n)], blocks), classes(pd.Series(y)))


READERS = {"gbsg": gbsg, "metabric": metabric, "glioma": glioma, "breast": breast, "physionet": physionet}
