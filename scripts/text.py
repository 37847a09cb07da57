"""Command line of the text room: one command per stage. Try: python scripts/text.py --help."""

from consilium.core.cli import run
from consilium.text import stages

if __name__ == "__main__":
    run(stages)
