"""The one error a user sees: a sentence that says what is wrong and the way out."""


class InputError(ValueError):
    """Bad input. Its text is one sentence for the user; the command line exits with code 2."""


def first_line(error: Exception) -> str:
    """What an error says, as part of a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(c for c in lines[0] if c.isprintable())[:160]
