"""The label sets, once: wave classes, beat classes, and MIT-BIH symbols onto those."""

WAVES = ("none", "P", "QRS", "T")
NONE, P, QRS, T = range(4)

BEATS = ("N", "S", "V", "Q")
RHYTHMS = ("normal", "af", "other", "noise")
# Findings that lead I hardly shows: they have a probability, but are not called found.
HINTS = ("IRBBB", "LAFB")

# ANSI/AAMI EC57 table 3, with fusion beats (F) kept apart: they are neither N nor V.
AAMI_OF_SYMBOL = {
    **dict.fromkeys("NLRejnB", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VEr", "V"),
    **dict.fromkeys("F", "F"),
    **dict.fromkeys("/fQ?", "Q"),
}
