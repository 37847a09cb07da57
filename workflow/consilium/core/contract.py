"""What a table or a feature block that crosses rooms must look like; the same record checks it and documents it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import xarray as xr

DTYPES = {"str": "object", "float": "float64", "int": "Int64", "bool": "boolean"}


@dataclass(frozen=True)
class Column:
    """One column. A name that ends in `*` stands for any number of columns with that prefix."""

    name: str
    dtype: str  # str | float | int | bool
    meaning: str
    unit: str = ""
    missing: str = ""  # what an empty cell means; "" = never empty

    def matches(self, column: str) -> bool:
        return column.startswith(self.name[:-1]) if self.name.endswith("*") else column == self.name


PATIENT = Column("patient", "str", "identifier in patients.tsv")


@dataclass(frozen=True)
class Table:
    """One registered table: `path` under results/<cohort>/, who writes it, its columns in order."""

    name: str
    path: str
    meaning: str
    columns: tuple[Column, ...]

    def _column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.matches(name)), None)

    def ordered(self, names: list[str]) -> list[str]:
        return [n for c in self.columns for n in names if c.matches(n)]

    def typed(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Give an all-text table the registered dtypes; empty cells become missing."""
        import pandas as pd

        out = raw.copy()
        for name in out.columns:
            column = self._column(name)
            if column is None or column.dtype == "str":
                continue
            cells = out[name].replace("", None)
            if column.dtype == "bool":
                cells = cells.map({"True": True, "False": False})
            else:
                cells = pd.to_numeric(cells)
            out[name] = cells.astype(DTYPES[column.dtype])
        return out

    def _check_names(self, names: list[str]) -> None:
        unknown = [c for c in names if self._column(c) is None]
        lacking = [c.name for c in self.columns if not c.name.endswith("*") and c.name not in names]
        if unknown or lacking:
            raise ValueError(f"table {self.name}: unknown columns {unknown}, lacking columns {lacking}")

    def ordered_columns(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Lists or arrays by name, without missing values but NaN, in registered order; ValueError as in `check`, or
        when lengths differ or a column is of another type."""
        import numpy as np

        self._check_names(list(columns))
        kinds = {"str": "UOST", "float": "f", "int": "iu", "bool": "b"}
        arrays = {n: np.asarray(columns[n]) for n in self.ordered(list(columns))}
        for name, array in arrays.items():
            column = self._column(name)
            assert column is not None
            if len(array) and array.dtype.kind not in kinds[column.dtype]:
                raise ValueError(f"table {self.name}: column {name} is {array.dtype}, not {column.dtype}")
        if len({len(a) for a in arrays.values()}) > 1:
            raise ValueError(f"table {self.name}: columns of different lengths")
        return arrays

    def check(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table in registered column order and dtypes; ValueError when a column is unknown or lacking."""
        import pandas as pd

        self._check_names(list(table.columns))
        out = table[self.ordered(list(table.columns))].reset_index(drop=True).copy()
        for name in out.columns:
            column = self._column(name)
            assert column is not None
            if column.dtype == "str":
                if out[name].dtype == object and pd.api.types.infer_dtype(out[name], skipna=False) == "string":
                    continue  # text throughout, as it mostly is: a look costs a tenth of what follows
                if not column.missing and out[name].isna().any():
                    raise ValueError(f"table {self.name}: column {name} has empty cells, which it must not")
                out[name] = out[name].fillna("").astype(str)
            else:
                out[name] = out[name].astype(DTYPES[column.dtype])
        return out

    def arrow_schema(self, names: list[str]) -> pa.Schema:
        """Types of the columns for Parquet: a table without rows must not lose them."""
        import pyarrow as pa

        types = {"str": pa.string(), "float": pa.float64(), "int": pa.int64(), "bool": pa.bool_()}
        columns = [self._column(n) for n in names]
        return pa.schema([(n, types[c.dtype]) for n, c in zip(names, columns, strict=True) if c is not None])

    def empty(self) -> pd.DataFrame:
        import pandas as pd

        fixed = [c for c in self.columns if not c.name.endswith("*")]
        return pd.DataFrame({c.name: pd.Series(dtype=DTYPES[c.dtype]) for c in fixed}, index=pd.RangeIndex(0))


# Layout of a feature block -> dimensions of `values`.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "table": ("patient", "feature"),
    "series": ("patient", "time", "feature"),
    "volume": ("patient", "z", "y", "x"),
    "bag": ("patient", "instance", "feature"),
    "words": ("patient", "position"),
    "dna": ("patient", "instance", "feature"),
}
BASES = "NACGT-"  # layout dna: a base is its place here; N: not tested or not known, -: none in this column


def check_block(name: str, block: xr.Dataset) -> None:
    """Hold a feature block against the one shape that fusion knows.

    values(patient, …): float32, NaN where missing. present(patient): bool, False = the block was not supplied or
    not usable. reason(patient): "" where present, else why not. Coordinate patient: every patient of the sheet, in
    sheet order. Coordinates feature and unit(feature) but for volumes; time (float) for series, with attribute
    time_unit. bag: instances (cells, tiles) in no order that means anything, NaN below the last one. words: values are
    places in feature, NaN after the last word. dna: an instance is a window around a variant, features are the strands
    that carry it, the reference's bases and the patient's, as places in BASES. Attributes: room, title, layout.
    """
    layout = block.attrs.get("layout")
    problems = []
    if layout not in LAYOUTS:
        raise ValueError(f"feature block {name}: layout {layout!r} is not one of {sorted(LAYOUTS)}")
    if block["values"].dims != LAYOUTS[layout]:
        problems.append(f"values has dims {block['values'].dims}, not {LAYOUTS[layout]}")
    if str(block["values"].dtype) != "float32":
        problems.append(f"values is {block['values'].dtype}, not float32")
    for variable, kind in (("present", "b"), ("reason", "U")):
        if variable not in block or block[variable].dims != ("patient",) or block[variable].dtype.kind != kind:
            problems.append(f"{variable}(patient) of kind {kind} is lacking")
    for coordinate in ("patient", *(("feature", "unit") if layout != "volume" else ())):
        if coordinate not in block.coords or block[coordinate].dtype.kind != "U":
            problems.append(f"coordinate {coordinate} (text) is lacking")
    problems += [f"attribute {a} is lacking" for a in ("room", "title") if a not in block.attrs]
    if not problems:
        values, present, reason = (block[v].values for v in ("values", "present", "reason"))
        seen = (values == values).reshape(len(present), -1).any(axis=1) if values.size else present
        if (seen & ~present).any():
            problems.append("a patient with present=False has values")
        if ((reason == "") != present).any():
            problems.append("reason must be empty exactly where present is True")
    if problems:
        raise ValueError(f"feature block {name}: " + "; ".join(problems))
