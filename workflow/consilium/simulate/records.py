"""Drug lists and diagnoses of the demo cohort: brand names, capitals and typing errors among generic names."""

from __future__ import annotations

import numpy as np

# generic name, spellings in the table, dose, unit. The first group has pharmacogenomic guidelines, the second none.
GUIDED: tuple[tuple[str, tuple[str, ...], float, str], ...] = (
    ("clopidogrel", ("clopidogrel", "Plavix", "CLOPIDOGREL", "clopidogel"), 75, "mg"),
    ("warfarin", ("warfarin", "Coumadin", "WARFARIN"), 5, "mg"),
    ("simvastatin", ("simvastatin", "Zocor", "Simvastatine"), 40, "mg"),
    ("atorvastatin", ("atorvastatin", "Lipitor"), 20, "mg"),
    ("azathioprine", ("azathioprine", "Imuran", "azathioprin"), 100, "mg"),
    ("mercaptopurine", ("mercaptopurine", "Purinethol", "6-mercaptopurine"), 50, "mg"),
    ("fluorouracil", ("fluorouracil", "5-FU", "FLUOROURACIL"), 400, "mg/m2"),
    ("capecitabine", ("capecitabine", "Xeloda"), 1250, "mg/m2"),
    ("citalopram", ("citalopram", "Celexa"), 20, "mg"),
    ("sertraline", ("sertraline", "Zoloft"), 50, "mg"),
    ("omeprazole", ("omeprazole", "Prilosec", "Omeprazol"), 20, "mg"),
    ("tacrolimus", ("tacrolimus", "Prograf"), 3, "mg"),
    ("phenytoin", ("phenytoin", "Dilantin"), 300, "mg"),
    ("celecoxib", ("celecoxib", "Celebrex"), 200, "mg"),
    ("siponimod", ("siponimod", "Mayzent"), 2, "mg"),
    ("voriconazole", ("voriconazole", "Vfend"), 200, "mg"),
)
UNGUIDED: tuple[tuple[str, tuple[str, ...], float, str], ...] = (
    ("metformin", ("metformin", "Glucophage", "METFORMIN"), 850, "mg"),
    ("paracetamol", ("paracetamol", "acetaminophen", "Tylenol"), 500, "mg"),
    ("lisinopril", ("lisinopril", "Zestril"), 10, "mg"),
    ("amlodipine", ("amlodipine", "Norvasc"), 5, "mg"),
)
COMORBIDITIES = (
    ("I10", "Essential (primary) hypertension", 0.35),
    ("E11.9", "Type 2 diabetes mellitus without complications", 0.2),
    ("E78.5", "Hyperlipidemia, unspecified", 0.3),
    ("J45.909", "Unspecified asthma, uncomplicated", 0.1),
    ("F32.A", "Depression, unspecified", 0.12),
    ("N18.30", "Chronic kidney disease, stage 3 unspecified", 0.08),
)


def drugs_of(
    person: dict[str, object], rng: np.random.Generator
) -> tuple[list[dict[str, str]], list[dict[str, object]]]:
    """(rows of the drug table, truth rows with the generic name): one to five drugs."""
    pool = [*GUIDED, *UNGUIDED]
    weights = np.array([1.0] * len(GUIDED) + [1.5] * len(UNGUIDED))
    chosen = rng.choice(len(pool), size=int(rng.integers(1, 6)), replace=False, p=weights / weights.sum())
    rows, truth = [], []
    for i in sorted(int(c) for c in chosen):
        generic, spellings, dose, unit = pool[i]
        spelling = spellings[0] if rng.random() < 0.5 else spellings[int(rng.integers(len(spellings)))]
        start = _day(person, -int(rng.integers(30, 700)))
        stop = _day(person, -int(rng.integers(1, 30))) if rng.random() < 0.1 else ""
        rows.append({"patient": str(person["patient"]), "drug": spelling, "dose": f"{dose:g}", "unit": unit,
                     "start": start, "stop": stop})  # fmt: skip
        truth.append({"patient": person["patient"], "drug": generic, "spelling": spelling})
    return rows, truth


def diagnoses_of(person: dict[str, object], rng: np.random.Generator) -> list[dict[str, str]]:
    """Comorbidities independent of the outcomes, ICD-10-CM."""
    return [
        {"patient": str(person["patient"]), "code": code, "system": "ICD-10-CM", "label": label,
         "date": _day(person, -int(rng.integers(60, 3000)))}
        for code, label, share in COMORBIDITIES
        if rng.random() < share
    ]  # fmt: skip


def _day(person: dict[str, object], days: int) -> str:
    return str(np.datetime64(str(person["index_date"]), "D") + np.timedelta64(days, "D"))
