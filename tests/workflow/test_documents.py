"""The documents that describe the code agree with it."""

import re
import subprocess
import sys


def test_architecture_has_one_sentence_for_every_rule(root):
    text = (root / "ARCHITECTURE.md").read_text()
    rules = {
        name
        for path in (root / "workflow/rules").rglob("*.smk")
        for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.M)
    }
    named = set(re.findall(r"`(\w+_\w+)`", text))
    assert rules - named == set(), "rules without a sentence"
    rooms = {path.stem for path in (root / "workflow/rules").glob("*.smk")}
    assert {n for n in named if n.split("_")[0] in rooms} - rules == set(), "sentences about rules that do not exist"


def test_manual_and_outputs_are_as_generated(root):
    done = subprocess.run(
        [sys.executable, "scripts/update_docs.py", "--check"], cwd=root, capture_output=True, text=True,
        env={"PYTHONPATH": str(root / "workflow")}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_snakefile_fits_on_one_screen(root):
    assert len((root / "Snakefile").read_text().splitlines()) <= 50


def test_links_in_documents_lead_somewhere(root):
    for page in [*root.glob("*.md"), *(root / "docs").glob("**/*.md"), root / "config/README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_row_of_a_table_stands_under_its_head(root):
    """A blank line within a table ends it for whoever draws it."""
    for page in [*root.glob("*.md"), *(root / "docs").glob("**/*.md"), root / "config/README.md"]:
        lines = ["", *page.read_text().splitlines(), ""]
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            if line.startswith("|") and not before.startswith("|"):
                assert re.fullmatch(r"\|[\s:|-]+\|", after), f"{page.name}: {line[:60]}"
