"""Command line of the omics room: one command per stage. Try: python scripts/omics.py --help."""

from consilium.core.cli import run
from consilium.omics import stages

if __name__ == "__main__":
    run(stages)
