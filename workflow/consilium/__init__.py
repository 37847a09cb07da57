"""consilium: one council of physicians over one patient, as a Snakemake workflow. Research use only."""

__version__ = "0.1.0"
