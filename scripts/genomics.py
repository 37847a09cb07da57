"""Command line of the genomics room: one command per stage. Try: python scripts/genomics.py --help."""

if __name__ == "__main__":
    # Not above: a process that shares the work loads this file too, and needs none of it.
    from consilium.core.cli import run
    from consilium.genomics import stages

    run(stages)
