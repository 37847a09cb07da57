"""Sheets, tables and configuration for the ICU stays of PhysioNet 2012 (raw series), from the folder of real data."""

import argparse
import io
import tarfile
from pathlib import Path

import pandas as pd

# The stay begins at midnight of the first day; the index day is the one after its 48 hours, so that all of them lie
# before it. Ages count from the year of that date.
START, INDEX = pd.Timestamp("2010-01-01"), "2010-01-03"
VITALS = {
    "DiasABP": "mmHg", "SysABP": "mmHg", "MAP": "mmHg", "NIDiasABP": "mmHg", "NISysABP": "mmHg", "NIMAP": "mmHg",
    "HR": "/min", "RespRate": "/min", "Temp": "°C", "GCS": "", "FiO2": "fraction", "Urine": "mL", "Weight": "kg",
    "SaO2": "%", "MechVent": "on",
}  # fmt: skip
LABS = {
    "ALP": "U/L", "ALT": "U/L", "AST": "U/L", "Albumin": "g/dL", "BUN": "mg/dL", "Bilirubin": "mg/dL",
    "Cholesterol": "mg/dL", "Creatinine": "mg/dL", "Glucose": "mg/dL", "HCO3": "mmol/L", "HCT": "%", "K": "mmol/L",
    "Lactate": "mmol/L", "Mg": "mmol/L", "Na": "mmol/L", "PaCO2": "mmHg", "PaO2": "mmHg", "Platelets": "10^9/L",
    "TroponinI": "ng/mL", "TroponinT": "ng/mL", "WBC": "10^9/L", "pH": "",
}  # fmt: skip
ICU = {1: "coronary", 2: "cardiac_surgery", 3: "medical", 4: "surgical"}
CONFIG = """\
cohort: physionet
patients: {out}/patients.tsv
samples: {out}/samples.tsv
ehr:
  window_days: 2
  bins: 24
learn:
  tasks:
    - {{name: death, type: classification, outcome: death}}
report:
  title: 3,000 stays in intensive care (PhysioNet 2012)
"""


def stays(archive: Path) -> pd.DataFrame:
    """All rows of all stays: record, Time (HH:MM), Parameter, Value."""
    found = []
    with tarfile.open(archive) as tar:
        for member in tar:
            handle = tar.extractfile(member) if member.name.endswith(".txt") else None
            if handle is not None:
                found.append(pd.read_csv(io.BytesIO(handle.read())).assign(record=Path(member.name).stem))
    return pd.concat(found, ignore_index=True)


def measured(rows: pd.DataFrame, units: dict[str, str]) -> pd.DataFrame:
    """The rows of these parameters as the room's table."""
    own = rows[rows["Parameter"].isin(units)]
    clock = own["Time"].str.split(":", expand=True).astype(int)
    moment = START + pd.to_timedelta(clock[0] * 60 + clock[1], unit="min")
    return pd.DataFrame({
        "patient": "S" + own["record"], "analyte": own["Parameter"], "value": own["Value"].map("{:g}".format),
        "unit": own["Parameter"].map(units), "taken_on": moment.dt.strftime("%Y-%m-%dT%H:%M"),
    })  # fmt: skip


def described(record: str, rows: pd.DataFrame) -> dict[str, object]:
    """Age, sex, height and unit of one stay; -1 means not recorded."""
    first = rows.drop_duplicates("Parameter").set_index("Parameter")["Value"]
    known = {k: first[k] for k in ("Age", "Gender", "Height", "ICUType") if first.get(k, -1) >= 0}
    return {
        "patient": f"S{record}",
        "sex": {0.0: "female", 1.0: "male"}.get(known.get("Gender", -1), "unknown"),
        "birth_year": int(INDEX[:4]) - int(known["Age"]) if "Age" in known else "",
        "index_date": INDEX,
        "height_cm": known.get("Height", ""),
        "icu": ICU.get(int(known.get("ICUType", 0)), ""),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write(args.data / "ehr/physionet2012", args.out)


def write(folder: Path, out: Path) -> None:
    """Everything a run needs, under `out`. A weight of -1 (not recorded) is left to the room to refuse."""
    out.mkdir(parents=True, exist_ok=True)
    outcome = pd.read_csv(folder / "outcomes_open.csv").set_index("RecordID")["In-hospital_death"]
    rows = stays(folder / "set_a_open.tar.xz")
    measured(rows, LABS).to_csv(out / "labs.tsv", sep="\t", index=False)
    measured(rows, VITALS).to_csv(out / "vitals.tsv", sep="\t", index=False)
    people = [
        described(record, own) | {"death": {0: "no", 1: "yes"}[int(outcome[int(record)])]}
        for record, own in rows[rows["Time"] == "00:00"].groupby("record")
    ]
    table = pd.DataFrame(people).sort_values("patient")
    clinical = ["height_cm", "icu"]
    table.drop(columns=clinical).to_csv(out / "patients.tsv", sep="\t", index=False)
    table[["patient", *clinical]].to_csv(out / "clinical.tsv", sep="\t", index=False)
    kinds = "".join(f"*\tehr\t{kind}\t{out / kind}.tsv\t\n" for kind in ("clinical", "labs", "vitals"))
    (out / "samples.tsv").write_text("patient\tmodality\tkind\tpath\ttaken_on\n" + kinds, encoding="utf-8")
    (out / "config.yaml").write_text(CONFIG.format(out=out), encoding="utf-8")


if __name__ == "__main__":
    main()
