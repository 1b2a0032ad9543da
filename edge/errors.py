"""The one error a user sees: a sentence that says what is wrong and the way out."""


class InputError(ValueError):
    """Bad input. Its text is one sentence for the user; the command line exits with code 2."""
