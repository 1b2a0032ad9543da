"""Rules that make one update of many, as pure functions on lists of named arrays, one a file.

`aggregate` gives weights (n,), where the rule is a weighted sum, or else the update itself.
`rules.py` names them all for the configuration. `n` is the number of updates, `f` how many of them
the rule is to survive.
"""
