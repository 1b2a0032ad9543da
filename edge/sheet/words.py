"""Names and times as the sheet prints them."""

from __future__ import annotations

from datetime import datetime, timedelta

RHYTHMS = {"normal": "Normal", "af": "Suspected AF", "other": "Other", "noise": "Unreadable"}


def clock(seconds: float) -> str:
    """From the record's start: h:mm:ss, days before it where there are some."""
    whole = max(int(seconds + 1e-6), 0)
    days, rest = divmod(whole, 86_400)
    text = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {text}" if days else text


def time_of_day(start: datetime | None, seconds: float, *, seconds_too: bool = False) -> str:
    """When it was, where the record says when it began; with its date where that is another."""
    if start is None:
        return ""
    at = start + timedelta(seconds=seconds)
    clock_time = at.strftime("%H:%M:%S" if seconds_too else "%H:%M")
    return clock_time if at.date() == start.date() else f"{at:%d.%m.} {clock_time}"


def duration(seconds: float) -> str:
    """How long something lasts."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
    days, rest = divmod(int(seconds), 86_400)
    text = f"{rest // 3600} h {rest // 60 % 60:02} min"
    return f"{days} d {text}" if days else text


def whole(value: float | None) -> str:
    """A figure without decimals, or a dash."""
    return "–" if value is None else f"{value:.0f}"


def share(value: float) -> str:
    """A share in percent; never 100 or 0 where it is not quite."""
    if value <= 0 or value >= 1:
        return f"{100 * value:.0f} %"
    return (
        f"{min(max(100 * value, 0.1), 99.9):.1f} %"
        if not 0.01 <= value <= 0.99
        else (f"{100 * value:.0f} %")
    )
