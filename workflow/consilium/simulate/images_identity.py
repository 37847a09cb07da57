"""Invented people for DICOM headers: every string is planted to be searched for in outputs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from consilium.core.provenance import seed_from

FAMILY = ("Ahrens", "Quillfeather", "Zoltanski", "Brackwater", "Vanterpool", "Oyelaranti", "Thistlewood", "Kjaersgard",
          "Mirabeau", "Ezquerra", "Wolfsbane", "Dragomirov")  # fmt: skip
GIVEN = ("Quintessa", "Ludomir", "Xanthippa", "Barnabasz", "Wilhelmira", "Caspiana", "Theophrast", "Isaurelia",
         "Zebediah", "Marguerida", "Oswaldine", "Percivalta")  # fmt: skip
STREET = ("Larkspurgasse", "Oldquarry Lane", "Rue des Tamarisques", "Fennel Wharf", "Moonrakers Hill")
CLINIC = ("St. Wendreda Infirmary", "Klinikum Eulenbruch", "Hopital des Trois-Moulins", "Harrowgate Imaging Institute")


@dataclass
class Planted:
    """Collects (patient, file, tag, value) of every identifier written."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, patient: str, file: str, tag: str, value: str) -> str:
        self.rows.append((patient, file, tag, value))
        return value


@dataclass(frozen=True)
class Identity:
    """What a scanner's header may say about a person. All invented."""

    family: str
    given: str
    mrn: str
    birth_date: str  # DICOM DA
    address: str
    phone: str
    clinic: str
    physician: str
    accession: str
    national_id: str
    device: str

    @property
    def name(self) -> str:
        return f"{self.family}^{self.given}"


def identity(patient: str, birth_year: int, seed: int) -> Identity:
    """The same patient and seed give the same person."""
    rng = np.random.default_rng(seed_from(seed, "identity", patient))

    def pick(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(len(words)))]

    def digits(n: int) -> str:
        return "".join(str(d) for d in rng.integers(0, 10, n))

    return Identity(
        family=f"{pick(FAMILY)}-{pick(FAMILY)}",
        given=pick(GIVEN),
        mrn=f"MRN-{digits(3)}Q{digits(5)}",
        birth_date=f"{birth_year:04d}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}",
        address=f"{rng.integers(1, 200)} {pick(STREET)}, Ambervale {digits(5)}",
        phone=f"+44-555-01{digits(2)}-{digits(3)}",
        clinic=pick(CLINIC),
        physician=f"Dr-{pick(FAMILY)}^{pick(GIVEN)}",
        accession=f"ACC{digits(9)}",
        national_id=f"NID-{digits(4)}-{digits(6)}",
        device=f"SN{digits(8)}",
    )


def digits_of(text: str, n: int) -> str:
    """`n` digits made from `text`, for UIDs."""
    return f"{seed_from(text) * 2654435761:0{n}d}"[:n]
