"""Command line of the ehr room: one command per stage. Try: python scripts/ehr.py --help."""

from consilium.core.cli import run
from consilium.ehr import stages

if __name__ == "__main__":
    run(stages)
