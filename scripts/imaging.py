"""Command line of the imaging room: one command per stage. Try: python scripts/imaging.py --help."""

from consilium.core.cli import run
from consilium.imaging import stages

if __name__ == "__main__":
    run(stages)
