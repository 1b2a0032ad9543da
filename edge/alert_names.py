"""What each kind of alert is called on every page and sheet; edge/web/names.mjs says the same."""

from __future__ import annotations

NAMES = {
    "af_suspected": "Suspected AF",
    "bradycardia": "Bradycardia",
    "dropped_beats": "Dropped beats",
    "lead_off": "Lead off",
    "pause": "Pause",
    "pr_long": "Long PR",
    "qtc_long": "Long QTc",
    "reversed_hands": "Reversed hands",
    "tachycardia": "Tachycardia",
    "v_bigeminy": "Ventricular bigeminy",
    "v_couplet": "Ventricular couplet",
    "v_frequent": "Frequent ventricular beats",
    "v_run": "Ventricular run",
}
