"""Phenotypes, diplotypes and allele names as laboratories write them -> the words of the tables.

PharmCAT's outside-call format allows `PM`, `EM` (extensive: normal), British spelling, any case and the gene's name
within the text: `likely cyp2c19 poor metaboliser` is Likely Poor Metabolizer. What fits none of the table's terms
stays as it is, and is said.
"""

from __future__ import annotations

import re

from consilium.genomics.stars.tables import Gene

METABOLIZERS = ("Poor", "Intermediate", "Normal", "Rapid", "Ultrarapid")
_SHORT = {"pm": "Poor", "im": "Intermediate", "nm": "Normal", "em": "Normal", "rm": "Rapid", "um": "Ultrarapid"}
_LONG = re.compile(
    r"\b(?:(likely|possible)\b.*?)?\b(poor|intermediate|normal|extensive|ultra-?rapid|rapid)\s+metaboli[sz]er"
)
_PRESENCE = re.compile(r"\*\d+:\d+ (?:positive|negative)(?:, \*\d+:\d+ (?:positive|negative))*")
# Names of alleles in outside calls that the table writes otherwise.
_NAMES = {("G6PD", "B (wildtype)"): "B (reference)"}


def phenotype_of(gene: Gene, text: str) -> str:
    """The table's term for a phenotype; the text itself where none fits."""
    plain = " ".join(text.split())
    by_case = {term.lower(): term for term in terms(gene)}
    if plain.lower() in by_case:
        return by_case[plain.lower()]
    if gene.name.startswith("HLA-"):
        return plain.lower().removeprefix(gene.name.lower()).strip()
    found = _LONG.search(plain.lower())
    if plain.lower() not in _SHORT and not found:
        return plain
    modifier, word = (found[1], found[2].replace("-", "")) if found else (None, _SHORT[plain.lower()])
    word = "Normal" if word == "extensive" else word.capitalize()
    return " ".join(filter(None, (modifier and modifier.capitalize(), word, "Metabolizer")))


def terms(gene: Gene) -> set[str]:
    """Phenotypes that the gene's table has; of CYP2D6 those of its scores. Empty: none are assigned, or HLA."""
    if gene.name == "CYP2D6":
        return {f"{word} Metabolizer" for word in METABOLIZERS if word != "Rapid"} | {"Indeterminate"}
    return {name for name, _ in gene.phenotype_of.values()} | ({"Indeterminate"} if gene.phenotype_of else set())


def is_term(gene: Gene, phenotype: str) -> bool:
    """A phenotype of the table, or one that the table cannot judge."""
    if gene.name == "VKORC1":  # a genotype, in several spellings
        return True
    if gene.name.startswith("HLA-"):
        return bool(_PRESENCE.fullmatch(phenotype))
    return phenotype in terms(gene) or not terms(gene)


def allele_of(gene: Gene, name: str) -> str:
    """A name as the table writes it, where only the way of writing differs: `1555A>G`, `*1≥3`, `B (wildtype)`."""
    name = _NAMES.get((gene.name, name), name)
    if gene.name == "MT-RNR1" and f"m.{name}" in gene.alleles:
        return f"m.{name}"
    return re.sub(r"(?<=\w)≥", "x≥", name) if gene.name == "CYP2D6" and "x≥" not in name else name
