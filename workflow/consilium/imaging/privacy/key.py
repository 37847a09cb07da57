"""The secret behind new identifiers: UIDs, patient names and date shifts by keyed hash (HMAC-SHA-256, RFC 2104).

Whoever has the key and the original header can make the same new identifier again; nobody else can go either way. So
the key lies outside the results, is readable by its owner alone, and never enters a result, a log or a digest.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from consilium.core.errors import InputError, Problem

KEY_BYTES = 32
SHIFT_DAYS = (180, 3650)  # backwards; never 0, and never into the future
UID_ROOT = "2.25."  # of UIDs made from a UUID's 128 bits (PS3.5 B.2)


@dataclass(frozen=True)
class Secret:
    """The key of one cohort. Never printed: `repr` shows nothing of it."""

    key: bytes = field(repr=False)

    def _bits(self, purpose: str, text: str) -> int:
        told = f"{purpose}\0{text}".encode("utf-8", "surrogateescape")
        return int.from_bytes(hmac.new(self.key, told, hashlib.sha256).digest()[:16], "big")

    def uid(self, original: str) -> str:
        """The new UID of an instance, series, study or frame of reference: the same for the same original."""
        return f"{UID_ROOT}{self._bits('uid', original.strip())}"

    def shift(self, patient: str) -> datetime.timedelta:
        """By how much all dates of a patient are moved: whole days into the past, so intervals and times stay."""
        low, high = SHIFT_DAYS
        return datetime.timedelta(days=low + self._bits("dates", patient) % (high - low + 1))

    def name(self, purpose: str, text: str) -> str:
        """Ten letters and digits that stand for `text`."""
        return f"{self._bits(purpose, text):032x}"[:10].upper()


def load(file: Path, results: Path) -> Secret:
    """The key kept in `file`; made there, readable by its owner alone, where it does not exist yet.

    Raises InputError where the file lies within the results, can be read by others, or holds no key.
    """
    if file.resolve().is_relative_to(results.resolve()):
        raise InputError(Problem(str(file), "the key lies within the results", "a file outside of them",
                                 "set imaging.key_file to a place that is not handed on"))  # fmt: skip
    try:
        if not file.exists():
            _make(file)
        text = file.read_text(encoding="ascii").strip()
        mode = file.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(Problem(str(file), f"the key cannot be read or made ({cause})", "a file of your own",
                                 "check imaging.key_file and its rights")) from None  # fmt: skip
    if mode:
        raise InputError(Problem(str(file), "the key can be read by others", "rights 600", f"chmod 600 {file}"))
    if len(text) != 2 * KEY_BYTES or any(c not in "0123456789abcdef" for c in text):
        raise InputError(Problem(str(file), "not a key", f"{2 * KEY_BYTES} hexadecimal digits",
                                 "restore the file, or remove it for a new key (new UIDs and dates)"))  # fmt: skip
    return Secret(bytes.fromhex(text))


def _make(file: Path) -> None:
    """A new key, written whole under another name first: of two that are made at once, one stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(KEY_BYTES) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
