"""What the pages shade: every episode but the trends of minutes, from the one list of Python's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from leadone.edge.alert_limits import KINDS, SLOW_TRENDS
from leadone.edge.bundle import load_bundle
from leadone.edge.web_page import web_facts

WEB = Path(__file__).parents[3] / "edge" / "web"
PROGRAM = """
const facts = JSON.parse(process.argv[1]), at = (name) => `${process.argv[2]}/${name}.mjs`;
const { colours } = await import(at("canvas")), { Session } = await import(at("session"));
const { LiveSession } = await import(at("live_session"));
const { Overview } = await import(at("overview"));
const { paintTrace } = await import(at("trace")), { View } = await import(at("view"));
colours["alert-soft"] = "soft";
globalThis.window = {};

const mv = new Float32Array(3600), bytes = new Uint8Array(24 + mv.byteLength);
new Float64Array(bytes.buffer, 0, 3).set([0, 0, 0.01]);
const hello = { name: "a", lead: "I", rate_hz: 100, has_gain: true, keep_s: 36, speed: 1 };
const file = new Session({}, {}, { mv, rateHz: 100 }, { facts });
const live = new LiveSession(hello, facts);
live.takeSamples(bytes.buffer, 0);
file.read = live.read = mv.length;
live.penS = 36;
for (const session of [file, live]) {
  const alerts = facts.alerts.map((kind, k) => ({ event: "alert", kind, start_s: 2 * k }));
  alerts.forEach((alert) => session.keep({ ...alert, end_s: null }));
  alerts.forEach((alert) => session.keep({ ...alert, end_s: alert.start_s + 1 }));
}

/** Where each shaded rectangle begins, in seconds. */
function shaded(draw, pixelsPerS) {
  const found = [], ignored = () => ({ width: 0 });
  const fillRect = (x) => ctx.fillStyle === "soft" && found.push(Math.round(x / pixelsPerS));
  const own = { fillRect };
  const ctx = new Proxy(own, { get: (target, key) => target[key] ?? ignored });
  draw(ctx);
  return found;
}

const view = Object.assign(new View(), { width: 4000, startS: 0 }), drawn = {};
for (const [name, session] of Object.entries({ file, live })) {
  const onPaper = (ctx) => paintTrace(ctx, session, view, { of: () => 0 });
  const inOverview = (ctx) => {
    const overview = new Overview({ clientWidth: 360, style: {}, getContext: () => ctx });
    overview.begin(session);
    overview.draw(view);
  };
  drawn[`${name} trace`] = shaded(onPaper, view.pixelsPerS);
  drawn[`${name} overview`] = shaded(inOverview, 360 / session.durationS);
}
console.log(JSON.stringify(drawn));
"""


def test_trends_of_minutes_are_shaded_nowhere(node: str) -> None:
    facts = web_facts(load_bundle("wrist"))
    command = [node, "--input-type=module", "-e", PROGRAM, json.dumps(facts), WEB.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shaded = [2 * k for k, kind in enumerate(KINDS) if kind not in SLOW_TRENDS]
    places = {f"{page} {place}" for page in ("file", "live") for place in ("trace", "overview")}
    assert json.loads(done.stdout) == dict.fromkeys(places, shaded)
