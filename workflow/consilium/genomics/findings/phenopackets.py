"""Reads GA4GH phenopackets (v2): observed HPO terms of a patient, and published cases with their diagnosis."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consilium.core.errors import InputError, Problem

_TERM = re.compile(r"HP:\d{7}")
HOMOZYGOUS = "GENO:0000136"
_ALLOWED = "a GA4GH phenopacket (v2) as JSON, with phenotypicFeatures"


@dataclass(frozen=True)
class Case:
    """One published patient. `paper`: identifier of the publication, or the case's own where none is named.

    copies: strands with a causal variant, 1 or 2; 0 where the packet names no variant.
    """

    id: str
    paper: str
    disease: str
    disease_id: str
    genes: tuple[str, ...]
    terms: frozenset[str]
    copies: int = 0


def read_patient(path: Path, patient: str) -> tuple[dict[str, str], str]:
    """(HPO identifier -> label of the terms observed in a patient, paper that the packet is from or "").

    Excluded terms are left out.
    Raises InputError when the file is no phenopacket or observes no HPO term.
    """
    packet = _loaded(_text(path), str(path), 0, patient)
    terms = _observed(packet)
    if not terms:
        raise InputError(Problem(str(path), "no observed HPO term", "at least one phenotypicFeatures.type.id as "
                                 "HP:0000000 that is not excluded", "add the terms", 0, patient))  # fmt: skip
    return terms, _paper(packet)


def read_cases(path: Path) -> tuple[list[Case], list[Problem]]:
    """Cases of a collection: a folder of JSON files (at any depth) or a file with one phenopacket a line (.jsonl, .gz).

    Packets without a diagnosed disease or an observed term are passed over. One that cannot be read is a problem.
    """
    cases: list[Case] = []
    problems: list[Problem] = []
    for name, line, text in _texts(path):
        try:
            packet = _loaded(text, name, line, "")
        except InputError as error:
            problems += error.problems
            continue
        case = _case(packet)
        if case is not None:
            cases.append(case)
    if not cases:
        found = "no solved case" if not problems else "no phenopacket that can be read"
        problems.append(Problem(str(path), found, "phenopackets with diagnosis and HPO terms", "supply a collection"))
    return sorted(cases, key=lambda c: (c.id, c.disease_id)), problems[:20]


def _texts(path: Path) -> Iterator[tuple[str, int, str]]:
    """(file, line, JSON text) of every phenopacket; line 0: the whole file."""
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield str(file), 0, _text(file)
    else:
        for line, text in enumerate(_text(path).splitlines(), start=1):
            if text.strip():
                yield str(path), line, text


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"a file that cannot be read ({type(error).__name__})", _ALLOWED,
                                 "supply the file again")) from None  # fmt: skip


def _loaded(text: str, file: str, line: int, patient: str) -> dict[str, Any]:
    try:
        packet = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        found = f"no JSON ({type(error).__name__})"
        raise InputError(Problem(file, found, _ALLOWED, "supply the phenopacket", line, patient)) from None
    if not isinstance(packet, dict) or not isinstance(packet.get("phenotypicFeatures", []), list):
        raise InputError(Problem(file, "JSON that is no phenopacket", _ALLOWED, "supply it", line, patient))
    return packet


def _observed(packet: dict[str, Any]) -> dict[str, str]:
    found = {}
    for feature in _objects(packet.get("phenotypicFeatures")):
        name = _at(feature, "type", "id")
        if isinstance(name, str) and _TERM.fullmatch(name) and feature.get("excluded") is not True:
            label = _at(feature, "type", "label")
            found[name] = label if isinstance(label, str) else name
    return found


def _case(packet: dict[str, Any]) -> Case | None:
    terms = frozenset(_observed(packet))
    for interpretation in _objects(packet.get("interpretations")):
        disease = _at(interpretation, "diagnosis", "disease", "id")
        if not terms or not isinstance(disease, str):
            continue
        label = _at(interpretation, "diagnosis", "disease", "label")
        name = str(packet.get("id", ""))
        return Case(name, _paper(packet) or name, label if isinstance(label, str) else disease, disease,
                    tuple(sorted(_genes(interpretation))), terms, _copies(interpretation))  # fmt: skip
    return None


def _paper(packet: dict[str, Any]) -> str:
    references = [r.get("id") for r in _objects(_at(packet, "metaData", "externalReferences"))]
    return next((str(r) for r in references if r), "")


def _genes(interpretation: dict[str, Any]) -> set[str]:
    """Symbols of the genes with a causal variant; a gene interpreted as a whole counts too."""
    found = set()
    for one in _objects(_at(interpretation, "diagnosis", "genomicInterpretations")):
        for path in (("variantInterpretation", "variationDescriptor", "geneContext", "symbol"), ("gene", "symbol")):
            symbol = _at(one, *path)
            if isinstance(symbol, str) and symbol:
                found.add(symbol)
    return found


def _copies(interpretation: dict[str, Any]) -> int:
    """Two for a homozygous variant or two different ones, one for a single heterozygous or hemizygous one."""
    found = {}
    for one in _objects(_at(interpretation, "diagnosis", "genomicInterpretations")):
        variant = _at(one, "variantInterpretation", "variationDescriptor")
        if isinstance(variant, dict):
            found[json.dumps(variant.get("vcfRecord") or variant.get("id"), sort_keys=True)] = _at(
                variant, "allelicState", "id"
            )
    return min(2, len(found) + (HOMOZYGOUS in found.values()))


def _objects(value: Any) -> Iterable[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
