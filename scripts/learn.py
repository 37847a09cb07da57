"""Command line of the learn room: one command per stage. Try: python scripts/learn.py --help."""

from consilium.core.cli import run
from consilium.learn import stages

if __name__ == "__main__":
    run(stages)
