"""Says what made a result: hashes of code, settings and files, and the versions in use."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            node.body = body[1:] or [ast.Pass()]
    return tree


@cache
def code_digest(*rooms: str) -> str:
    """Hash of the syntax trees of `rooms` and of core: comments and docstrings do not change it.

    Given to every rule as a parameter, so that Snakemake reruns a stage when the code behind it changed.
    Templates and other non-Python files of the room count byte by byte.
    """
    digest = hashlib.sha256()
    for room in sorted({"core", *rooms}):
        for path in sorted((PACKAGE / room).rglob("*")):
            if "__pycache__" in path.parts or not path.is_file():
                continue
            digest.update(str(path.relative_to(PACKAGE)).encode())
            if path.suffix == ".py":
                digest.update(ast.dump(_without_docstrings(ast.parse(path.read_text()))).encode())
            else:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative names and contents."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        digest.update(str(file.relative_to(path) if file != path else "").encode())
        with open(file, "rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def value_digest(value: Any) -> str:
    """Hash of any JSON-able value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def seed_from(*parts: Any) -> int:
    """A 32-bit seed from names (run seed, task, fold …): the same on every machine and number of cores."""
    return int(value_digest([str(p) for p in parts])[:8], 16)


def versions(*packages: str) -> dict[str, str]:
    """Installed versions of `packages`; "not installed" where absent."""
    return {name: _version(name) for name in packages}


@cache
def _version(package: str) -> str:
    """Kept: every patient's page asks, and looking it up takes longer than writing the page's facts."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
