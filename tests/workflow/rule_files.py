"""Reads the rule files as text: which rule runs which stage with which options."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

_STRING = re.compile(r"""(?<!\w)[rf]{0,2}("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_COMMAND = re.compile(r"python \$SCRIPTS/(\w+)\.py ([a-z-]+)")


@dataclass(frozen=True)
class RuleText:
    """One rule: its file's room, its name, its directives, and the literal text of its shell command."""

    room: str
    name: str
    directives: frozenset[str]
    params: frozenset[str]
    shell: str
    shell_source: str
    body: str

    @property
    def script(self) -> str:
        return self._command().group(1)

    @property
    def stage(self) -> str:
        return self._command().group(2).replace("-", "_")

    @property
    def flags(self) -> set[str]:
        return set(_FLAG.findall(self.shell))

    def _command(self) -> re.Match[str]:
        found = _COMMAND.search(self.shell)
        if found is None:
            raise AssertionError(f"rule {self.name}: its shell command is not `python $SCRIPTS/<room>.py <stage>`")
        return found


def strings(source: str) -> list[str]:
    """Contents of the string literals in `source`; comments are left out."""
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#"))
    return [str(ast.literal_eval(m.group(1))) for m in _STRING.finditer(code)]


def room_files(rules: Path, room: str) -> list[Path]:
    """A room's rule file, and the files that it includes from the folder of its name."""
    return [rules / f"{room}.smk", *sorted((rules / room).glob("*.smk"))]


def rules_of(path: Path) -> list[RuleText]:
    text = path.read_text(encoding="utf-8")
    heads = list(re.finditer(r"^( *)rule (\w+):\n", text, re.M))
    out = []
    for i, head in enumerate(heads):
        end = heads[i + 1].start() if i + 1 < len(heads) else len(text)
        indent = len(head.group(1)) + 4
        lines = []
        for line in text[head.end() : end].splitlines():
            if line.strip() and len(line) - len(line.lstrip()) < indent:
                break
            lines.append(line)
        room = path.parent.name if path.parent.parent.name == "rules" else path.stem
        out.append(_rule(room, head.group(2), "\n".join(lines), indent))
    return out


def _rule(room: str, name: str, body: str, indent: int) -> RuleText:
    parts = re.split(rf"^ {{{indent}}}(\w+):", body, flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    params = frozenset(re.findall(rf"^ {{{indent + 4}}}(\w+)=", sections.get("params", ""), re.M))
    command = sections.get("shell", "")
    return RuleText(room, name, frozenset(sections), params, "".join(strings(command)), command, body)


def helper_flags(path: Path) -> set[str]:
    """Options that helper functions of the file add: string literals outside shell commands that begin with one."""
    text = path.read_text(encoding="utf-8")
    for rule in rules_of(path):
        text = text.replace(rule.shell_source, "")
    return {_FLAG.findall(s)[0] for s in strings(text) if _FLAG.match(s)}
