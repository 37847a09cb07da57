"""Command line of the genomics room: one command per stage. Try: python scripts/genomics.py --help."""

from consilium.core.cli import run
from consilium.genomics import stages

if __name__ == "__main__":
    run(stages)
