// All that is kept in one strip: its outline, ectopic beats, alerts, quality, and where the paper is.

import { colours as C, glyph, hatch, prepare } from "./canvas.mjs";

const HEIGHT = 74, TOP = 12, QUALITY = 8;

export class Overview {
  constructor(canvas) {
    this.canvas = canvas;
    this.begin(null);
  }

  begin(session) {
    this.session = session;
    this.scale = "";
  }

  secondsAt(x) {
    if (!this.session) return 0;
    const { originS, durationS } = this.session;
    return originS + (x / this.canvas.clientWidth) * (durationS - originS);
  }

  draw(view) {
    const [ctx, width, height] = prepare(this.canvas, HEIGHT), strip = height - QUALITY - 2, { session } = this;
    ctx.fillStyle = C.paper; ctx.fillRect(0, 0, width, strip);
    ctx.fillStyle = C.untold; ctx.fillRect(0, strip + 2, width, QUALITY);
    if (!session) return;
    const { originS, durationS } = session, toX = (seconds) => ((seconds - originS) / (durationS - originS)) * width;
    for (const one of session.shaded) {
      ctx.fillStyle = C["alert-soft"];
      ctx.fillRect(toX(one.start_s), 0, Math.max(toX(one.end_s ?? session.positionS) - toX(one.start_s), 1.5), strip);
    }
    this.outline(ctx, width, strip, toX);
    for (const beat of session.beats) if (beat.label !== "N") glyph(ctx, beat.label, toX(beat.r_s), 6, 2.4);
    for (const one of session.judged) {
      const x0 = toX(one.start_s), x1 = Math.max(toX(one.end_s), x0 + 0.6);
      if (one.state === "lead_off") hatch(ctx, x0, x1, 0, strip, C.off);
      ctx.fillStyle = one.state === "good" ? C.good : one.state === "noisy" ? C.noisy : C.off;
      ctx.fillRect(x0, strip + 2, x1 - x0, QUALITY);
    }
    const x0 = toX(view.startS), x1 = Math.min(toX(view.startS + view.spanS), width);
    ctx.fillStyle = C.window; ctx.fillRect(x0, 0, x1 - x0, strip);
    ctx.strokeStyle = C.accent; ctx.lineWidth = 1.5;
    ctx.strokeRect(x0 + 0.75, 0.75, Math.max(x1 - x0 - 1.5, 2), strip - 1.5);
  }

  /** Lowest and highest of each pixel's samples; only what was read since the last time is looked at. */
  outline(ctx, width, strip, toX) {
    const { mv, read, originS, durationS } = this.session, scale = `${width} ${originS} ${durationS}`;
    if (this.scale !== scale) {
      this.scale = scale;
      this.low = new Float32Array(Math.ceil(width)).fill(Infinity);
      this.high = new Float32Array(Math.ceil(width)).fill(-Infinity);
      this.seen = 0;
    }
    for (; this.seen < read; this.seen++) {
      const x = Math.floor(toX(this.session.secondsAt(this.seen))), value = mv[this.seen];
      if (value < this.low[x]) this.low[x] = value;
      if (value > this.high[x]) this.high[x] = value;
    }
    const { centre, reach } = scaleOf(this.low, this.high);
    const toY = (value) => TOP + (strip - TOP) * (0.5 - (0.46 * Math.max(-1, Math.min(1, (value - centre) / reach))));
    ctx.fillStyle = C.n;
    for (let x = 0; x < this.low.length; x++) {
      if (this.low[x] > this.high[x]) continue;
      const y = toY(this.high[x]);
      ctx.fillRect(x, y, 0.8, Math.max(toY(this.low[x]) - y, 0.8));
    }
  }
}

/** A scale that single artefacts do not shrink. */
function scaleOf(low, high) {
  const lows = low.filter(Number.isFinite).sort(), highs = high.filter(Number.isFinite).sort();
  if (!lows.length) return { centre: 0, reach: 1 };
  const bottom = lows[Math.floor(0.03 * lows.length)], top = highs[Math.ceil(0.97 * highs.length) - 1];
  return { centre: (bottom + top) / 2, reach: Math.max((top - bottom) / 2, 0.3) };
}
