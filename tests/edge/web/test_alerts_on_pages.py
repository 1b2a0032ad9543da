"""Alerts on the pages: which are shaded, what they are called, and room for many."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

from leadone import analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.alert_limits import KINDS, SLOW_TRENDS
from leadone.edge.bundle import load_bundle
from leadone.edge.events import Alert, Rhythm
from leadone.edge.names import ALERT_NAMES
from leadone.edge.report import write_report
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


def test_alerts_have_the_names_of_python(node: str) -> None:
    program = f"""
const {{ alertName }} = await import("{WEB.as_uri()}/names.mjs");
console.log(JSON.stringify(process.argv.slice(1).map(alertName)));
"""
    command = [node, "--input-type=module", "-e", program, *KINDS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [ALERT_NAMES[kind] for kind in KINDS]
    assert len(ALERT_NAMES) == len(KINDS)


def test_the_report_has_room_for_what_it_says(
    node: str, chromium: str, playwright: None, tmp_path: Path
) -> None:
    """Its alerts scroll by themselves, those of days have an end; words stay in their cards."""
    record = read_record(DEMO_RECORD)
    short = replace(record, signal_mv=record.signal_mv[: 20 * 360])
    alerts = tuple(Alert("v_couplet", 1 + k / 100, k / 100, "two in a row") for k in range(1200))
    rhythm = Rhythm(0.0, 20.0, "af", {"af": 0.9})
    write_report(replace(analyze(short), alerts=alerts, rhythm=rhythm), tmp_path / "a.html")
    program = f"""
import {{ openBrowser }} from "{(Path(__file__).parent / "browser.mjs").as_uri()}";
const {{ page, complaints, close }} = await openBrowser(process.argv[1]);
await page.goto(process.argv[2]);
const tall = page.locator(".scroll.tall"), box = await tall.boundingBox();
const last = (await tall.innerText()).trim().split("\\n").at(-1);
const rows = await page.locator("#alerts tr").count();
const out = await page.locator(".card .value").evaluateAll(
  (all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.innerText));
console.log(JSON.stringify({{ height: box.height, rows, last, out, complaints }}));
await close();
"""
    command = [node, "--input-type=module", "-e", program, chromium]
    command.append((tmp_path / "a.html").as_uri())
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    assert seen == {
        "height": 330,
        "rows": 1000,
        "last": "and 200 more",
        "out": [],
        "complaints": [],
    }
