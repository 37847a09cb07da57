"""Command line of the learn room: one command per stage, and what is done to a bundle by hand.

Try: python scripts/learn.py --help."""

from consilium.core.cli import run
from consilium.learn import commands, stages

if __name__ == "__main__":
    run(stages, commands)
