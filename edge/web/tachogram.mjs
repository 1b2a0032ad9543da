// RR intervals over time, each beat in its class's colour and shape.

import { clock, colours as C, glyph, prepare, words } from "./canvas.mjs";
import { MAX_RR_S } from "./intervals.mjs";

const HEIGHT = 170, TICKS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800];

export function drawTachogram(canvas, session) {
  const [ctx, width] = prepare(canvas, HEIGHT);
  const beats = session?.beats ?? [], [low, high] = rangeMs(beats);
  const box = { left: 38, right: width - 38, top: 10, bottom: HEIGHT - 24 };
  const span = session ?? { originS: 0, durationS: 30, label: clock };
  const toX = (seconds) => box.left + ((seconds - span.originS) / (span.durationS - span.originS)) * (box.right - box.left);
  const toY = (ms) => box.bottom - ((Math.min(Math.max(ms, low), high) - low) / (high - low)) * (box.bottom - box.top);
  axes(ctx, box, low, high, span, toX, toY, width);
  const radius = beats.length > 2 * (box.right - box.left) ? 1.4 : 2.8;
  for (const isEctopic of [false, true])
    for (let k = 1; k < beats.length; k++) {
      const rr = beats[k].r_s - beats[k - 1].r_s;
      if (rr <= MAX_RR_S && (beats[k].label !== "N") === isEctopic) glyph(ctx, beats[k].label, toX(beats[k].r_s), toY(1000 * rr), radius);
    }
}

/** Round limits around nearly all intervals. */
function rangeMs(beats) {
  const rr = [];
  for (let k = 1; k < beats.length; k++) if (beats[k].r_s - beats[k - 1].r_s <= MAX_RR_S) rr.push(1000 * (beats[k].r_s - beats[k - 1].r_s));
  if (!rr.length) return [400, 1200];
  rr.sort((a, b) => a - b);
  const low = Math.max(200, Math.floor((rr[Math.floor(0.005 * rr.length)] - 60) / 100) * 100);
  return [low, Math.max(low + 300, Math.ceil((rr[Math.ceil(0.995 * (rr.length - 1))] + 60) / 100) * 100)];
}

function axes(ctx, box, low, high, span, toX, toY, width) {
  const { originS, durationS } = span;
  const step = high - low > 1200 ? 400 : high - low > 500 ? 200 : 100;
  ctx.strokeStyle = C.line; ctx.lineWidth = 1;
  for (let ms = Math.ceil(low / step) * step; ms <= high; ms += step) {
    ctx.beginPath(); ctx.moveTo(box.left, toY(ms)); ctx.lineTo(box.right, toY(ms)); ctx.stroke();
    words(ctx, String(ms), box.left - 5, toY(ms) + 4, C.soft, { align: "right" });
    words(ctx, String(Math.round(60000 / ms)), box.right + 5, toY(ms) + 4, C.soft);
  }
  words(ctx, "ms", 2, box.bottom + 18, C.soft);
  words(ctx, "/min", width - 2, box.bottom + 18, C.soft, { align: "right" });
  const every = TICKS_S.find((seconds) => ((durationS - originS) / seconds) * 62 < box.right - box.left) ?? 86400;
  for (let t = Math.ceil(originS / every) * every; t <= durationS; t += every) if (toX(t) < box.right - 16) words(ctx, span.label(t), toX(t), box.bottom + 18, C.soft, { align: t ? "center" : "left" });
}
