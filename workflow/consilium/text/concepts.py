"""What is looked for: findings with the words that name them. Longer matches win over shorter ones inside them."""

from __future__ import annotations

import re
from functools import cache

_METASTASES = r"metasta(?:sis|ses|tic)"
_TUMOUR = r"(?:tumou?rs?|carcinomas?|malignan(?:cy|t)|neoplasms?|disease|dcis|cancer|adenocarcinomas?)"
_NODES = r"(?:lymph[- ]?nodes?|nodes?|nodal)"
_GAP = r"[^.;\n]{0,60}?"

# concept -> patterns that affirm it (negation and hedging are judged by the words around).
AFFIRMED: dict[str, tuple[str, ...]] = {
    # chest
    "nodule": (r"(?:pulmonary |lung )?nodul(?:es?|ar(?:ity)?)(?: densit(?:y|ies)| opacit(?:y|ies))?",),
    "mass": (r"mass(?:es)?(?! effect)",),
    "lesion": (r"lesions?",),
    "pleural effusion": (r"pleural effusions?", r"(?<!pericardial )(?<!joint )(?<!knee )effusions?", r"pleural fluid"),
    "pericardial effusion": (r"pericardial effusions?",),
    "pneumothorax": (r"pneumothora(?:x|ces)",),
    "consolidation": (r"consolidat(?:ions?|ed|ive)",),
    "airspace disease": (r"air[- ]?space (?:disease|opacit(?:y|ies)|process)",),
    "pneumonia": (r"(?:broncho)?pneumonias?",),
    "infiltrate": (r"infiltrates?(?! into| the| through)",),
    "opacity": (r"opacit(?:y|ies)", r"opacification"),
    "atelectasis": (r"atelecta(?:sis|ses|tic)",),
    "cardiomegaly": (
        r"cardiomegaly",
        r"(?:heart|cardiac silhouette|cardiac size|cardiomediastinal silhouette)(?: size)?(?: (?:is|are|was"
        r"|appears|remains|size))*"
        r"(?: (?:not|mildly|moderately|markedly|slightly|borderline|stably|minimally|top))* ?(?:enlarged|enlargement)",
        r"enlarge(?:d|ment of the) (?:heart|cardiac silhouette)",
    ),
    "pulmonary edema": (r"(?:pulmonary|interstitial|alveolar) o?edema",),
    "pulmonary congestion": (r"(?:pulmonary |central )?(?:venous |vascular )?congestion",),
    "edema": (r"o?edema",),
    "emphysema": (r"emphysema(?:tous)?",),
    "hyperinflation": (r"hyper(?:inflat(?:ion|ed)|expan(?:sion|ded))",),
    "fibrosis": (r"fibrosis", r"fibrotic"),
    "scarring": (r"scar(?:s|ring)?", r"cicatri(?:x|ces)"),
    "granuloma": (r"granulom(?:as?|ata|atous)",),
    "calcification": (r"calcifi(?:cations?|ed)",),
    "lymphadenopathy": (r"(?:lymph)?adenopathy", r"enlarged (?:lymph )?nodes?"),
    "hiatal hernia": (r"hiat(?:al|us) hernia",),
    "fracture": (r"fractures?",),
    "scoliosis": (
        r"(?:kypho|dextro|levo|dextroconvex |levoconvex )?scolio(?:sis|tic)(?: curvature)?",
        r"(?:dextro|levo)curvature",
        r"spin(?:e|al) curvature",
        r"curvature of the (?:\w+ ){0,3}spine",
    ),
    "degenerative change": (r"degenerative (?:changes?|disease)", r"spondylosis", r"osteophytes?"),
    "atherosclerosis": (r"atherosclero(?:sis|tic)",),
    # brain
    "atrophy": (r"atroph(?:y|ic)", r"volume loss"),
    "infarct": (r"infarct(?:s|ions?)?",),
    "hemorrhage": (r"ha?emorrhag(?:e|es|ic)", r"ha?ematomas?"),
    "white matter lesion": (r"white[- ]matter (?:lesions?|hyperintensit(?:y|ies)|disease)", r"leukoaraiosis"),
    "mass effect": (r"mass effect", r"midline shift"),
    "hydrocephalus": (r"hydrocephalus",),
    # pathology
    "carcinoma": (r"(?:adeno)?carcinomas?", r"malignan(?:cy|cies|t(?: neoplasm| tumou?r)?)"),
    "metastasis": (rf"{_METASTASES}(?: disease| carcinoma| adenocarcinoma)?",),
    "lymph node metastasis": (
        rf"{_METASTASES}{_GAP}\b{_NODES}",
        rf"{_NODES}\b{_GAP}\b{_METASTASES}(?: disease| carcinoma| adenocarcinoma)?",
        rf"{_NODES}(?:,? (?:is|are|were|was))? (?:positive|involved)",
        rf"positive {_NODES}",
        rf"{_NODES} (?:with|containing|show(?:s|ing)) {_TUMOUR}",
    ),
    "lymphovascular invasion": (
        r"(?:lympho-?vascular|angio-?lymphatic|lympho?-?vascular space|lymphatic|vascular|venous|angio)[- ]?"
        r"(?:/?(?:vascular|lymphatic) )?(?:space )?invasion(?: by tumou?r)?",
        r"(?:lympho)?vascular involvement",
    ),
    "perineural invasion": (r"peri-?neural (?:invasion|involvement|infiltration)",),
    "necrosis": (r"necro(?:sis|tic)",),
    "extracapsular extension": (r"extra-?(?:capsular|nodal) (?:extension|spread)",),
    "margin involvement": (
        rf"{_TUMOUR}{_GAP}\b(?:present at|extends? to|extending to|involves|involving"
        rf"|at) (?:the )?(?:\w+ ){{0,3}}margins?",
        r"margins?(?: \([^)]*\))?(?: (?:is|are|was|were|appears?))?:? ?(?:focally "
        r"|microscopically )?(?:positive|involved)",
        r"(?:positive|involved) (?:\w+ ){0,3}margins?",
        r"involvement of (?:the )?(?:\w+ ){0,3}margins?",
        r"margin involvement",
    ),
}

# concept -> patterns that deny it in so many words.
DENIED: dict[str, tuple[str, ...]] = {
    "margin involvement": (
        rf"margins?(?: of (?:resection|excision))?(?: \([^)]*\))?(?: (?:is|are|was|were|appears?|widely|all))*"
        rf":? ?(?:negative|free|clear|uninvolved|un-?remarkable|not involved)(?: (?:of|for"
        rf"|by) (?:\w+ ){{0,2}}{_TUMOUR})?",
        r"(?:negative|free|clear|uninvolved|tumou?r-free) (?:\w+ ){0,3}margins?",
        r"margins? (?:(?:is|are) )?(?:tumou?r|cancer)[- ]free",
    ),
    "lymph node metastasis": (
        rf"{_NODES}(?:,? \w+){{0,6}},?:? (?:negative|free|uninvolved|un-?remarkable|benign)"
        rf"(?: (?:of|for|by) (?:\w+ )?(?:{_METASTASES}(?: \w+)?|{_TUMOUR}))?",
        rf"(?:negative|benign|reactive|uninvolved) {_NODES}",
        rf"{_NODES}: no evidence of (?:{_METASTASES}|{_TUMOUR})",
    ),
    "cardiomegaly": (
        r"(?:heart|cardiac silhouette|cardiac contours?|cardiomediastinal silhouette)(?:,? (?:size|and"
        r"|mediast\w+|silhouette"
        r"|pulmonary|vascular(?:ity)?|contours?|structures?|hilar|is|are|within|appears?|remains?|in|size))*"
        r" (?:normal(?: limits)?|unremarkable)",
        r"normal (?:heart|cardiac|cardiomediastinal) (?:size|silhouette)",
    ),
}


@cache
def compiled(denied: bool = False) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(concept, pattern) pairs, ready to search."""
    table = DENIED if denied else AFFIRMED
    return tuple((c, re.compile(rf"\b(?:{'|'.join(ps)})\b", re.I)) for c, ps in table.items())


# Words that typing errors are mended to: long, and with no other English word one letter away.
LONG_WORDS = frozenset(
    """
    metastasis metastases metastatic effusion effusions pneumothorax consolidation cardiomegaly atelectasis emphysema
    fracture fractures hemorrhage infarct infarction atrophy invasion perineural lymphovascular lymphatic vascular
    necrosis margins carcinoma adenocarcinoma differentiated undifferentiated moderately questionable possible
    evidence identified excluded granuloma granulomas calcification calcifications lymphadenopathy opacities opacity
    nodules uninvolved involvement involving extension infiltration pulmonary pleural pneumonia pneumonias negative
    suspicious suggestive resection scoliosis hydrocephalus hematoma enlarged silhouette malignant
    """.split()  # noqa: SIM905
)
