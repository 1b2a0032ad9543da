// The trace on millimetre paper: waves coloured, beats named, gaps and alerts marked.

import { beatColour, colours as C, hatch, prepare, tracePath, words } from "./canvas.mjs";
import { alertName } from "./names.mjs";
import { MM } from "./view.mjs";

const PAPER_MM = 50;
const BAND = 18; // pixels under the paper that name the waves
const LABELS = 34; // above the trace
export const TRACE_HEIGHT = Math.round(PAPER_MM * MM) + BAND;
const STATES = { good: "good", noisy: "noisy", lead_off: "no contact" };
const WAVES = [["p", "P", "p_on_s", "p_off_s"], ["qrs", "QRS", "qrs_on_s", "qrs_off_s"], ["t", "T", "t_on_s", "t_off_s"]];

/** Draw what the session knows of the view's stretch. */
export function drawTrace(canvas, session, view, baseline) {
  const [ctx, width] = prepare(canvas, TRACE_HEIGHT);
  view.width = width;
  view.follow(session?.positionS ?? 0);
  paintTrace(ctx, session, view, baseline);
}

/** The same on any context, at its origin and as wide as the view. */
export function paintTrace(ctx, session, view, baseline) {
  const { width } = view, bottom = TRACE_HEIGHT - BAND, toX = (seconds) => (seconds - view.startS) * view.pixelsPerS;
  paper(ctx, width, bottom, view);
  if (session) {
    const endS = Math.min(view.startS + view.spanS, session.positionS);
    shadeAlerts(ctx, session, toX, width, bottom);
    shadeQuality(ctx, session, toX, width, bottom);
    const beats = session.beats.slice(Math.max(session.beatFrom(view.startS) - 2, 0), session.beatFrom(endS) + 2)
      .filter((beat) => beat.qrs_on_s <= session.positionS); // none before the pen is there
    signal(ctx, session, view, baseline, toX, beats, width, bottom);
    nameBeats(ctx, session, toX, beats);
    nameAlerts(ctx, session, toX, width);
    times(ctx, session, view, toX, width, bottom);
    nameWaves(ctx, toX, beats, bottom, width);
  } else nameWaves(ctx, toX, [], bottom, width);
  scaleNote(ctx, view, width, bottom);
}

function paper(ctx, width, height, view) {
  ctx.fillStyle = C.paper; ctx.fillRect(0, 0, width, height);
  const offset = view.startS * view.mmPerS;
  for (const [colour, every] of [[C.fine, 1], [C.bold, 5]]) {
    ctx.strokeStyle = colour; ctx.lineWidth = 1; ctx.beginPath();
    for (let k = Math.ceil(offset / every) * every; (k - offset) * MM <= width; k += every) { const x = (k - offset) * MM; ctx.moveTo(x, 0); ctx.lineTo(x, height); }
    for (let k = 0; k * MM <= height + 0.5; k += every) { ctx.moveTo(0, k * MM); ctx.lineTo(width, k * MM); }
    ctx.stroke();
  }
}

function shadeAlerts(ctx, session, toX, width, height) {
  for (const one of session.shaded) {
    const x0 = Math.max(toX(one.start_s), 0), x1 = Math.min(toX(one.end_s ?? session.positionS), width);
    if (x1 <= 0 || x0 >= width) continue;
    ctx.fillStyle = C["alert-soft"]; ctx.fillRect(x0, 0, Math.max(x1 - x0, 2), height);
    ctx.fillStyle = C.alert; ctx.fillRect(x0, 0, Math.max(x1 - x0, 2), 3);
  }
}

function shadeQuality(ctx, session, toX, width, height) {
  for (const one of session.judged) {
    const x0 = Math.max(toX(one.start_s), 0), x1 = Math.min(toX(one.end_s), width);
    if (one.state === "good" || x1 < 0 || x0 > width) continue;
    hatch(ctx, x0, x1, 0, height, one.state === "noisy" ? C.noisy : C.off);
    if (x1 - x0 > 90) words(ctx, STATES[one.state] + (one.reason ? ", " + one.reason : ""), x0 + 5, height - 18, C.soft);
  }
}

function signal(ctx, session, view, baseline, toX, beats, width, bottom) {
  const { mv, rateHz, read } = session, perPixel = rateHz / view.pixelsPerS;
  const zero = baseline.of(view), middle = LABELS + 0.6 * (bottom - LABELS);
  const toY = (value) => middle - (value - zero) * view.mmPerMv * MM, atX = (i) => toX(session.secondsAt(i));
  const draw = (from, to, colour, wide) => {
    tracePath(ctx, mv, Math.max(session.sampleAt(from), 0), Math.min(session.sampleAt(to) + 1, read - 1), perPixel, atX, toY);
    ctx.strokeStyle = colour; ctx.lineWidth = wide; ctx.stroke();
  };
  ctx.save();
  ctx.lineJoin = "bevel"; // a round one costs a third of a picture
  ctx.beginPath(); ctx.rect(0, 0, width, bottom); ctx.clip();
  gaps(ctx, session, view, atX, bottom);
  draw(view.startS, view.startS + view.spanS, C.trace, 1.25);
  for (const beat of beats) {
    for (const [on, off] of beat.blocked_p_s) draw(on, off, C.p, 2);
    for (const [name, , on, off] of WAVES) if (beat[on] !== null) draw(beat[on], beat[off], C[name], 2);
  }
  if (view.hasPen && !session.isFinished && Number.isFinite(mv[read - 1])) {
    ctx.fillStyle = C.accent;
    ctx.beginPath(); ctx.arc(atX(read - 1), toY(mv[read - 1]), 3.2, 0, 7); ctx.fill();
  }
  ctx.restore();
}

/** Missing samples, as a stretch of paper without a trace that says so. */
function gaps(ctx, session, view, atX, bottom) {
  const { mv, read } = session;
  const last = Math.min(session.sampleAt(view.startS + view.spanS) + 1, read);
  for (let i = Math.max(session.sampleAt(view.startS), 0); i < last; i++) {
    if (Number.isFinite(mv[i])) continue;
    const first = i;
    while (i < last && !Number.isFinite(mv[i])) i++;
    ctx.fillStyle = C.off; ctx.globalAlpha = 0.25;
    ctx.fillRect(atX(first), 0, Math.max(atX(i) - atX(first), 1), bottom);
    ctx.globalAlpha = 1;
    if (atX(i) - atX(first) > 60) words(ctx, "missing", Math.max(atX(first), 0) + 5, bottom / 2, C.soft);
  }
}

function nameBeats(ctx, session, toX, beats) {
  beats.forEach((beat, k) => {
    const x = toX(beat.r_s), gap = k ? x - toX(beats[k - 1].r_s) : 0, isNormal = beat.label === "N";
    if (gap > 12 || !k || !isNormal) words(ctx, beat.label, x, 15, beatColour(beat.label), { size: isNormal ? 12 : 14, align: "center", weight: isNormal ? 600 : 800 });
    ctx.strokeStyle = beatColour(beat.label); ctx.lineWidth = 1;
    ctx.beginPath(); ctx.moveTo(x, 19); ctx.lineTo(x, 26); ctx.stroke();
    if (gap > 38) words(ctx, String(Math.round(1000 * (beat.r_s - beats[k - 1].r_s))), x - gap / 2, 15, C.soft, { size: 10, align: "center" });
  });
}

function nameAlerts(ctx, session, toX, width) {
  let row = 0;
  for (const one of session.episodes) {
    const x0 = Math.max(toX(one.start_s), 0), x1 = toX(one.end_s ?? session.positionS);
    if (x1 > 4 && x0 < width) words(ctx, alertName(one.kind), x0 + 5, 44 + 14 * row++, C.alert, { weight: 700 });
  }
}

function times(ctx, session, view, toX, width, bottom) {
  const every = [0.5, 1, 2, 5, 10, 30, 60].find((seconds) => seconds * view.pixelsPerS > 62) ?? 120;
  const last = Math.min(view.startS + view.spanS, session.durationS);
  for (let t = Math.ceil(view.startS / every) * every; t <= last; t += every) words(ctx, session.label(t, every < 1 ? 1 : 0), toX(t) + 3, bottom - 5, C.soft, { size: 10 });
  if (session.isFinished && toX(session.durationS) < width - 30) words(ctx, "end", toX(session.durationS) + 6, bottom / 2, C.soft);
}

function nameWaves(ctx, toX, beats, top, width) {
  ctx.fillStyle = C.card; ctx.fillRect(0, top, width, BAND);
  ctx.strokeStyle = C.bold; ctx.lineWidth = 1;
  ctx.beginPath(); ctx.moveTo(0, top + 0.5); ctx.lineTo(width, top + 0.5); ctx.stroke();
  for (const beat of beats) {
    for (const [on, off] of beat.blocked_p_s) block(ctx, toX(on), toX(off), "P?", C.p, top);
    for (const [name, word, on, off] of WAVES) if (beat[on] !== null) block(ctx, toX(beat[on]), toX(beat[off]), word, C[name], top);
  }
}

function block(ctx, x0, end, word, colour, top) {
  const x1 = Math.max(end, x0 + 1), short = word === "QRS" && x1 - x0 < 25 ? "R" : word;
  ctx.fillStyle = colour; ctx.fillRect(x0, top + 3, x1 - x0, BAND - 6);
  if (x1 - x0 > 7 * short.length) words(ctx, short, (x0 + x1) / 2, top + 12.5, C.card, { size: 10, align: "center", weight: 750 });
}

function scaleNote(ctx, view, width, bottom) {
  const note = `${view.mmPerS} mm/s  ${view.mmPerMv} mm/mV`;
  ctx.font = "500 10px sans-serif";
  const room = ctx.measureText(note).width + 16;
  ctx.fillStyle = C.paper; ctx.globalAlpha = 0.85; ctx.fillRect(width - room, bottom - 32, room, 14); ctx.globalAlpha = 1;
  words(ctx, note, width - 5, bottom - 21, C.soft, { size: 10, align: "right" });
}
