"""A model's version, 1.2.3, and the number by which a device tells which of two is newer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InputError

MOST = 999  # of each of the three: a device keeps them in one number


@dataclass(frozen=True)
class Version:
    """Its three numbers, and what stands behind them (`+fleet`, `-rc1`)."""

    major: int
    minor: int
    patch: int
    rest: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """InputError for a text that does not begin like 1.2.3."""
        found = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
        if found is None:
            raise InputError(f"version {text!r} is not like 1.2.3; it does not say what is newer")
        major, minor, patch = map(int, found.groups())
        return cls(major, minor, patch, text[found.end() :])

    @property
    def sequence(self) -> int:
        """Larger for a newer one."""
        return (self.major * (MOST + 1) + self.minor) * (MOST + 1) + self.patch
