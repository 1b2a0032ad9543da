"""What alerts and states of the signal are called wherever people read them.

As in edge/web/names.mjs.
"""

from __future__ import annotations

ALERT_NAMES = {
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
STATE_NAMES = {"good": "good", "noisy": "noisy", "lead_off": "no contact"}
