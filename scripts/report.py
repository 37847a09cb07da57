"""Command line of the report room: one command per stage. Try: python scripts/report.py --help."""

from consilium.core.cli import run
from consilium.report import stages

if __name__ == "__main__":
    run(stages)
