"""The label sets, once: wave classes, beat classes, and MIT-BIH symbols onto those."""

from .lead_names import lead_key

WAVES = ("none", "P", "QRS", "T")
NONE, P, QRS, T = range(4)

BEATS = ("N", "S", "V", "Q")
RHYTHMS = ("normal", "af", "other", "noise")
# The leads on which a finding is called found, where these are not all: conduction is read from
# shapes as lead I has them, and what lead I hardly shows has a probability at most. Findings of
# rate and rhythm hold on every lead (`benchmarks/findings.py --lead`).
CARRIED_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("1AVB", "CRBBB", "CLBBB"), ("i",)),
    **dict.fromkeys(("IRBBB", "LAFB"), ()),
}

# ANSI/AAMI EC57 table 3, with fusion beats (F) kept apart: they are neither N nor V.
AAMI_OF_SYMBOL = {
    **dict.fromkeys("NLRejnB", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VEr", "V"),
    **dict.fromkeys("F", "F"),
    **dict.fromkeys("/fQ?", "Q"),
}


def carries(lead: str, code: str) -> bool:
    """Whether a lead shows a finding well enough for it to be called found there."""
    return code not in CARRIED_BY or lead_key(lead) in CARRIED_BY[code]
