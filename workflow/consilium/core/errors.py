"""Bad input as data: one problem is one line that says where, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with the input.

    file: path as the user wrote it. found: what is there. allowed: what may be there. mend: what to do.
    line: 1-based line (0: the file as a whole). patient: "" when it concerns no single patient.
    """

    file: str
    found: str
    allowed: str
    mend: str
    line: int = 0
    patient: str = ""

    @property
    def cause(self) -> str:
        """The problem without its place, as printed in quarantine lists."""
        return f"{self.found}; allowed: {self.allowed}; mend: {self.mend}"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        who = f" [{self.patient}]" if self.patient else ""
        return f"{where}{who}: {self.cause}"

    def to_dict(self) -> dict[str, str | int]:
        return asdict(self)


def parted(cause: str) -> tuple[str, str, str]:
    """(found, allowed, mend) of a `Problem.cause`; "" for parts that it does not have."""
    found, _, rest = cause.partition("; allowed: ")
    allowed, _, mend = rest.partition("; mend: ")
    return found, allowed, mend


class InputError(Exception):
    """The only exception that reaches a user: every problem found, one line each, exit code 1."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        some = {problems} if isinstance(problems, Problem) else set(problems)
        self.problems = sorted(some, key=lambda p: (p.file, p.line, p))
        super().__init__(str(self))

    def __str__(self) -> str:
        n = len(self.problems)
        head = f"{n} problem{'s' if n != 1 else ''} with the input:"
        return "\n".join([head, *(f"  {p}" for p in self.problems)])
