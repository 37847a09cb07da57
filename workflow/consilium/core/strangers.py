"""Patients of a shared table whom the patient sheet does not name. Such tables are often larger than the cohort."""

from __future__ import annotations

from consilium.core.errors import Problem

NAMED = 20  # of a file; the rest is counted


class Strangers:
    """Collects them while a table is read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: dict[str, int] = {}  # name -> line where it comes first
        self._rows = 0

    def add(self, patient: str, line: int) -> None:
        """A row, or a column, of a patient of no sheet."""
        self._seen[patient] = min(line, self._seen.get(patient, line))
        self._rows += 1

    def problems(self) -> list[Problem]:
        """None or one, at the line of the first of them."""
        if not self._seen:
            return []
        names = sorted(self._seen)
        rows = f" ({self._rows} rows)" if self._rows > len(names) else ""
        if len(names) == 1:
            found = f"patient '{names[0]}', who is not in the patient sheet{rows}"
            mend = "add the patient there, or correct the name; else nothing of this patient is read"
        else:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            shown = ", ".join(f"'{name}'" for name in names[:NAMED]) + more
            found = f"{len(names)} patients who are not in the patient sheet{rows}: {shown}"
            mend = "add them there, or correct the names; else nothing of them is read"
        return [Problem(self._path, found, "patients of the sheet", mend, min(self._seen.values()))]
