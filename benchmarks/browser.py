"""What opens a page on this machine."""

from __future__ import annotations

import shutil
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def node_and_chromium() -> tuple[str, str]:
    """The paths of both; without them no page can be measured."""
    node = shutil.which("node")
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if node is None or chromium is None:
        sys.exit("this needs Node and Chromium (Debian: nodejs, chromium)")
    return node, chromium
