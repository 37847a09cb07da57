"""Tables as text, as the csv module writes them with tabs and floats with ten digits, in a fraction of its time.

A table of numbers and of texts as numpy's StringDType or bytes is put together as one array of bytes; one with columns
of Python strings line by line, as turning those into bytes costs more than it saves. Zero characters at the end of a
StringDType's text are no part of it, as numpy sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_SLAB = 1 << 14  # rows whose texts stay in the processor's cache
_LONGEST = 128  # characters of a text in a slab put together as one array: every row then takes so many bytes
_SPECIAL = '\t"\n\r'


def lines(columns: dict[str, np.ndarray], slab: int = _SLAB) -> Iterator[bytes]:
    """The table's text in parts. Missing numbers (NaN) are empty cells. slab: rows put together at a time."""
    yield ("\t".join(columns) + "\n").encode()
    starts = range(0, len(next(iter(columns.values()))), slab)
    if len(columns) == 1 or any(values.dtype.kind in "OU" for values in columns.values()):
        texts = [_texts(values) for values in columns.values()]
        yield from (_joined([some(slice(start, start + slab)) for some in texts]) for start in starts)
        return
    plain = [_bytes(values) for values in columns.values()]
    for rows in (slice(start, start + slab) for start in starts):
        cells = [found for some in plain if (found := some(rows)) is not None]
        if len(cells) == len(columns):
            yield _put_together(cells)
        else:
            yield _joined([_texts(values[rows])(slice(None)) for values in columns.values()])


def _joined(texts: list[list[str]]) -> bytes:
    if len(texts) == 1:  # a line of nothing would be no row
        texts = [[c or '""' for c in texts[0]]]
    return "\n".join([*map("\t".join, zip(*texts, strict=True)), ""]).encode()


def _put_together(cells: list[np.ndarray]) -> bytes:
    """Lines of columns of bytes, which are padded with zero bytes: these go at the end."""
    import numpy as np

    ends = [b"\t"] * (len(cells) - 1) + [b"\n"]
    fields = [field for i, values in enumerate(cells) for field in ((f"cell {i}", values.dtype), (f"end {i}", "S1"))]
    table = np.empty(len(cells[0]), dtype=fields)
    for i, (values, end) in enumerate(zip(cells, ends, strict=True)):
        table[f"cell {i}"], table[f"end {i}"] = values, end
    flat = table.view(np.uint8)
    return flat[flat != 0].tobytes()


def _bytes(values: np.ndarray) -> Callable[[slice], np.ndarray | None]:
    """Function that gives some rows of a column as bytes; None where a text of them is long or no plain ASCII."""
    import numpy as np

    if values.dtype.kind in "ST":
        return lambda rows: _plain(values[rows])
    if values.dtype.kind == "f":
        texts, where = _floats(values)
        plain = np.array(texts, dtype=bytes)
        return lambda rows: plain[where[rows]]
    return lambda rows: _whole_numbers(values[rows])


def _plain(texts: np.ndarray) -> np.ndarray | None:
    import numpy as np

    size = np.strings.str_len(texts)
    widest = int(size.max(initial=1))
    if widest > _LONGEST:
        return None
    try:
        plain = texts.astype(f"S{widest}")
    except UnicodeEncodeError:
        return None
    letters = plain.view(np.uint8)
    # As many bytes as characters: none of them is zero.
    whole = np.count_nonzero(letters) == size.sum()
    return plain if whole and not any((letters == ord(c)).any() for c in _SPECIAL) else None


def _whole_numbers(values: np.ndarray) -> np.ndarray:
    """Integers as bytes, digit by digit; truth values as True and False."""
    import numpy as np

    if values.dtype.kind == "b" or values.min(initial=0) < 0:
        return values.astype(bytes)
    width = len(str(values.max(initial=0)))
    out, left = np.zeros((len(values), width), dtype=np.uint8), values
    for place in reversed(range(width)):
        rest = left // 10
        out[:, place] = np.where(left > 0, left - 10 * rest + ord("0"), ord("0") if place == width - 1 else 0)
        left = rest
    return out.view(f"S{width}")[:, 0]


def _texts(values: np.ndarray) -> Callable[[slice], list[str]]:
    """Function that gives the texts of some rows of a column. Numbers that repeat are written once: rates, counts."""
    import numpy as np

    if values.dtype.kind in "OU":
        return lambda rows: _quoted(values[rows].tolist())
    if values.dtype.kind in "ST":
        return lambda rows: _quoted(
            [text.rstrip("\0") for text in values[rows].astype(np.dtypes.StringDType()).tolist()]
        )
    if values.dtype.kind == "f":
        found, where = _floats(values)
        texts = np.array(found, dtype=object)
        return lambda rows: texts[where[rows]].tolist()
    if values.dtype.kind == "i" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < len(values):
            numbers = np.array([*map(str, range(low, high + 1))], dtype=object)
            return lambda rows: numbers[values[rows].astype(np.int64) - low].tolist()
    return lambda rows: list(map(str, values[rows].tolist()))


def _floats(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """(different texts, the place of each value among them). Rates repeat: each is written once."""
    import numpy as np

    different, where = np.unique(values, return_inverse=True)
    texts = ("%.10g\n" * len(different) % tuple(different.tolist())).split("\n")
    if np.isnan(different[-1:]).any():
        texts[-2] = ""
    return texts, where


def _quoted(cells: list[str]) -> list[str]:
    """Cells that hold a tab, a quote or a line end in quotes, as the csv module does; seldom any."""
    whole = "".join(cells)
    if not any(c in whole for c in _SPECIAL):
        return cells
    return ['"' + c.replace('"', '""') + '"' if any(x in c for x in _SPECIAL) else c for c in cells]
