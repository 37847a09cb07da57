"""The demo cohort: people, genomes, reads, images, records and outcomes with a planted, written-down truth.

No part of the workflow imports this folder; it may import core only. scripts/make_cohort.py is its command line.
"""
