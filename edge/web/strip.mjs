// The strip on the paper as a file: PNG, or PDF in true size. Always on light paper, with what it shows written on it.

import { colours as C, words, withPaperColours } from "./canvas.mjs";
import { medianIntervals, heartRate } from "./intervals.mjs";
import { keep } from "./save.mjs";
import { RHYTHMS } from "./names.mjs";
import { PdfContext } from "./pdf_context.mjs";
import { paintTrace, TRACE_HEIGHT } from "./trace.mjs";
import { MM, View } from "./view.mjs";

const SHARPNESS = 3; // pixels of a PNG in a CSS pixel: 288 dpi
const MARGIN = 12 * MM, HEAD = 52, FOOT = 24, BETWEEN = 10;
const PAGE_WIDTH = 297 * MM, PAGE_HEIGHT = 210 * MM; // A4, lying
const ROW = 250 * MM; // ten seconds at 25 mm/s; fits the width of US Letter, too

/** Offer the stretch that `page` shows as a file. */
export function saveStrip(kind, page) {
  withPaperColours(() => (kind === "pdf" ? savePdf : savePng)(page));
}

function savePng(page) {
  const canvas = document.createElement("canvas"), width = page.view.width + 2 * MARGIN, height = HEAD + TRACE_HEIGHT + FOOT + 2 * MARGIN;
  canvas.width = Math.round(SHARPNESS * width);
  canvas.height = Math.round(SHARPNESS * height);
  const ctx = canvas.getContext("2d");
  ctx.scale(SHARPNESS, SHARPNESS);
  ctx.lineJoin = "round";
  draw(ctx, page, [width, height], page.view.width);
  canvas.toBlob((blob) => keep(blob, `${nameOf(page)}.png`), "image/png");
}

function savePdf(page) {
  const ctx = new PdfContext(PAGE_WIDTH, PAGE_HEIGHT);
  draw(ctx, page, [PAGE_WIDTH, PAGE_HEIGHT], ROW);
  const bytes = Uint8Array.from(ctx.file(nameOf(page)), (one) => one.charCodeAt(0));
  keep(new Blob([bytes], { type: "application/pdf" }), `${nameOf(page)}.pdf`);
}

/** Head, the strip in rows of that width at most, foot. */
function draw(ctx, { session, view, baseline, facts }, [width, height], row) {
  const { mmPerS, mmPerMv, startS } = view, endS = Math.min(view.startS + view.spanS, session.positionS);
  ctx.fillStyle = C.card;
  ctx.fillRect(0, 0, width, height);
  ctx.save();
  ctx.translate(MARGIN, MARGIN);
  words(ctx, session.name, 0, 14, C.ink, { size: 15, weight: 700 });
  words(ctx, `lead ${session.leadName}, ${Math.round(session.rateHz)} Hz, ${dayOf(session)}${session.label(view.startS)} to ${session.label(endS)}`, 0, 31, C.soft, { size: 11 });
  words(ctx, figures(session, view.startS, endS), 0, 46, C.ink, { size: 11 });
  ctx.translate(0, HEAD);
  for (let x = 0; x < view.width; x += row) {
    const wide = Math.min(row, view.width - x);
    const part = Object.assign(new View(), { mmPerS, mmPerMv, width: wide, startS: startS + x / view.pixelsPerS, hasPen: false });
    ctx.save();
    ctx.beginPath(); ctx.rect(0, 0, wide, TRACE_HEIGHT); ctx.clip();
    paintTrace(ctx, session, part, baseline);
    ctx.restore();
    ctx.translate(0, TRACE_HEIGHT + BETWEEN);
  }
  words(ctx, `leadone, model ${facts.model.name} ${facts.model.version}, ${facts.model.sha256.slice(0, 12)}. Marks are the model's. Research use, not a medical device.`, 0, 8, C.soft, { size: 9 });
  ctx.restore();
}

/** Rate, rhythm and intervals of the beats on the strip. */
function figures(session, startS, endS) {
  const beats = session.beats.slice(session.beatFrom(startS), session.beatFrom(endS)), rate = heartRate(beats, session.judged);
  const rhythm = session.rhythms.findLast((one) => one.end_s <= endS + 5 && one.end_s > startS);
  const intervals = Object.entries(medianIntervals(beats, session.judged)).filter(([, ms]) => ms !== null);
  const parts = [rate === null ? "rate not known" : `${Math.round(rate)} /min`, ...(rhythm ? [`rhythm ${RHYTHMS[rhythm.label].toLowerCase()}`.replace(" af", " AF")] : [])];
  return [...parts, ...intervals.map(([name, ms]) => `${name === "qtc" ? "QTcF" : name.toUpperCase()} ${Math.round(ms)} ms`)].join("   ");
}

function dayOf(session) {
  return session.startedAtS === null ? "" : new Date(1000 * session.startedAtS).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" }) + ", ";
}

const nameOf = ({ session, view }) => `${session.name}-${session.label(view.startS)}`.replace(/[^\w.-]+/g, "-");
