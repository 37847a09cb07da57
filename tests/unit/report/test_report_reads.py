import re

import pandas as pd
from consilium.core.store import write_table
from test_report_pages import _page, _write

READS = {
    "patient": "P002", "n_reads": 5000, "mapped_fraction": 0.99, "duplicate_fraction": 0.03,
    "properly_paired_fraction": 0.97, "error_rate": 0.004, "insert_size_mean": 351.0, "insert_size_sd": 60.0,
    "read_length_mean": 150.0, "gc_mean": 0.41, "gc_low_depth": 0.9, "gc_high_depth": None, "mean_depth": 31.0,
    "panel_sites_covered": 40, "x_depth_ratio": None, "y_depth_ratio": None, "sex_by_depth": "unknown",
    "sex_reason": "no targets on X",
}  # fmt: skip
GENE = {"patient": "P002", "region": "chr17:1-900", "kind": "exons", "gene": "BRCA1", "chrom": "chr17", "start": 0,
        "end": 900, "n_bases": 700, "mean_depth": 28.5, "bases_uncovered": 12, "bases_below_min": 60,
        "share_20x": 0.9}  # fmt: skip
COPIES = {"patient": "P002", "gene": "CYP2D6", "call": "called", "diplotype": None, "copies": 3, "copies_both_genes": 5,
          "hybrid": None, "estimate": 5.1, "posterior": 0.995, "control_depth": 31.0, "reason": None,
          "note": "research: judged on simulated reads only"}  # fmt: skip
FLAG = {"patient": "P002", "finding": "deletion", "chrom": "chr17", "start": 100, "end": 5100, "genes": "BRCA1",
        "n_windows": 5, "ratio": 0.52, "log_odds": 44.0, "reason": "flag"}  # fmt: skip


def pages(copy, **tables: dict) -> str:
    for name, row in tables.items():
        write_table(copy.cohort / f"genomics/{name}.tsv", name, pd.DataFrame([row]))
    _write(copy, ["P002"])
    return re.sub(r"\s+", " ", _page(copy, "P002").text)


def test_what_was_not_covered_is_said(copy):
    text = pages(copy, reads_qc=READS, coverage=GENE, cyp2d6=COPIES, cnv_flags=FLAG)
    assert "not assessed: 12 bases of BRCA1 uncovered" in text and "1 with bases not assessed" in text
    assert "3 whole copies" in text and "judged on simulated reads only" in text
    assert "Possible deletion, chr17:101-5100 (BRCA1): depth 0.52" in text
    assert "Sex by depth: not assessed: no targets on X" in text and "not assessed: too few stretches" in text


def test_no_call_and_no_reads_say_why(copy):
    lost = {**COPIES, "call": "not_called", "copies": None, "copies_both_genes": None, "reason": "uneven depth"}
    none = {**FLAG, "finding": "not assessed", "chrom": None, "start": None, "end": None, "genes": None,
            "reason": "reads of 2 patients, fewer than 10 to compare with"}  # fmt: skip
    text = pages(copy, reads_qc=READS, cyp2d6=lost, cnv_flags=none)
    assert "CYP2D6 from reads: not assessed: uneven depth" in text
    assert "Copy number: not assessed: reads of 2 patients" in text and "Possible" not in text
    without = {**READS, "patient": "P003"}
    assert "no reads of this patient" in pages(copy, reads_qc=without, cyp2d6={**lost, "patient": "P003"})
