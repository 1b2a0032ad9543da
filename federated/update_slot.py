"""The device's side of an update: verify, try on its own recordings, swap, and roll back.

Two slots: the one in use and the one before. The largest serial number ever installed is kept apart
from them, so that a replayed or older update is refused even after a roll-back.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..edge.bundle import Bundle, load_bundle
from ..edge.errors import InputError
from ..edge.files import make_folder, whole_file
from ..edge.labels import RHYTHMS
from ..edge.record_head import RecordHead
from .labelled import UNKNOWN, Labelled
from .publish import FLEET

STATE = "slot.json"
SLOTS = ("a", "b")
TOLERANCE = 0.02  # of accuracy on the device's own labels
LEAST = 10  # labelled recordings for that to say anything

Check = Callable[[Bundle, Bundle], bool]  # of the new bundle and the one in use


@dataclass(frozen=True)
class SlotState:
    """What is in use; `highest` is the largest serial number ever installed."""

    used: str = ""  # "a", "b", or "" for the base bundle
    before: str = ""
    highest: int = 0


class UpdateSlot:
    """A device's bundles in a folder; `trusted` is the public key that updates are signed by."""

    def __init__(self, folder: Path, base: str, trusted: Path) -> None:
        """`base` is the bundle that the device came with."""
        self._folder, self._base, self._trusted = folder, base, trusted
        make_folder(folder)
        self.state = self._read()

    def current(self) -> Bundle:
        """The bundle in use, checked again."""
        return self._bundle(self.state.used)

    def install(self, offered: Path, check: Check) -> Bundle:
        """Take an update into use; InputError where it is not to be, and nothing changes."""
        new = load_bundle(offered, self._trusted)
        serial = self._serial(new)
        if serial <= self.state.highest:
            raise InputError(
                f"update {serial} is not newer than {self.state.highest}, which was installed "
                "before; refused"
            )
        if not check(new, self.current()):
            raise InputError(f"update {serial} does worse on this device's recordings; refused")
        slot = next(name for name in SLOTS if name != self.state.used)
        place = self._folder / slot
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(offered, place)
        installed = load_bundle(place, self._trusted)
        self._write(SlotState(slot, self.state.used, serial))
        return installed

    def roll_back(self) -> Bundle:
        """Back to the bundle before; its update can't come again."""
        if not self.state.used:
            raise InputError("this device runs the bundle that it came with; nothing to roll back")
        self._write(SlotState(self.state.before, "", self.state.highest))
        return self.current()

    def _bundle(self, slot: str) -> Bundle:
        return load_bundle(self._folder / slot, self._trusted) if slot else load_bundle(self._base)

    def _serial(self, new: Bundle) -> int:
        about, base = new.manifest.get(FLEET), load_bundle(self._base)
        if not isinstance(about, dict) or type(about.get("serial")) is not int:
            raise InputError("the bundle is no update of a fleet; get one that a server published")
        if about.get("of") != base.identity:
            raise InputError(
                f"the update stands on another bundle than this device's {base.manifest['name']} "
                f"{base.manifest['version']}; refused"
            )
        return int(about["serial"])

    def _read(self) -> SlotState:
        path = self._folder / STATE
        if not path.is_file():
            return SlotState()
        try:
            values = json.loads(path.read_text("utf-8"))
            state = SlotState(str(values["used"]), str(values["before"]), int(values["highest"]))
            if {state.used, state.before} - {"", *SLOTS}:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path} is damaged; remove {self._folder} to begin anew") from None
        return state

    def _write(self, state: SlotState) -> None:
        with whole_file(self._folder / STATE) as unfinished:
            unfinished.write_text(json.dumps(asdict(state)) + "\n")
        self.state = state


def anything(new: Bundle, used: Bundle) -> bool:
    """The check of a device without labels."""
    return True


def own_check(data: Labelled) -> Check:
    """Whether a new head tells the device's own rhythms no worse, where enough are labelled."""

    def check(new: Bundle, used: Bundle) -> bool:
        told = data[data.rhythm != UNKNOWN]
        if len(told) < LEAST:
            return True
        return _accuracy(new, told) >= _accuracy(used, told) - TOLERANCE

    return check


def _accuracy(bundle: Bundle, data: Labelled) -> float:
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    logits = np.array([head.rhythm_logits(row.astype(np.float64)) for row in data.features])
    assert logits.shape[1] == len(RHYTHMS)
    return float((logits.argmax(1) == data.rhythm).mean())
