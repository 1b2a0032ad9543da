"""The one error a user sees: a sentence that says what is wrong and the way out."""

import re

# How onnxruntime's errors begin: a number, a word and often a place in its source.
RUNTIMES_OWN = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (?:/\S+:\d+ .*?\) (?=[A-Z]))?")


class InputError(ValueError):
    """Bad input. Its text is one sentence for the user; the command line exits with code 2."""


def first_line(error: Exception) -> str:
    """What an error says, as part of a sentence."""
    said = RUNTIMES_OWN.sub("", str(error).strip())
    lines = said.splitlines() or [type(error).__name__]
    return "".join(c for c in lines[0] if c.isprintable())[:160]
