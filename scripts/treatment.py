"""Command line of the treatment room: one command per stage. Try: python scripts/treatment.py --help."""

from consilium.core.cli import run
from consilium.treatment import stages

if __name__ == "__main__":
    run(stages)
