// What every drawing shares: colours of the style sheet, sharp pixels, words, glyphs, hatching.

const NAMES = ["ink", "soft", "line", "card", "accent", "paper", "fine", "bold", "trace", "p", "qrs", "t", "n", "s", "v", "q", "alert", "alert-soft", "good", "noisy", "off", "untold", "window"];
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";

const FINE = 0.6; // pixels between two points that are drawn as one

export const colours = {};

/** Again after the colour scheme changed. */
export function readColours(element = document.documentElement) {
  const style = getComputedStyle(element);
  for (const name of NAMES) colours[name] = style.getPropertyValue("--" + name).trim();
}

/** Draw for paper, which is light whatever the screen is. */
export function withPaperColours(draw) {
  const light = document.createElement("div");
  light.className = "light";
  document.body.append(light);
  readColours(light);
  light.remove();
  try {
    draw();
  } finally {
    readColours();
  }
}

export const beatColour = (label) => colours[label.toLowerCase()];

/** A cleared context in CSS pixels, as sharp as the screen. */
export function prepare(canvas, height) {
  const width = canvas.clientWidth, scale = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.style.height = height + "px";
    [canvas.width, canvas.height] = [across, down];
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.lineJoin = "round";
  return [ctx, width, height];
}

export function words(ctx, text, x, y, colour, { size = 11, align = "left", weight = 500 } = {}) {
  ctx.font = `${weight} ${size}px ${FONT}`;
  ctx.textAlign = align;
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** A beat class told by shape as well as by colour. */
export function glyph(ctx, label, x, y, r) {
  ctx.fillStyle = beatColour(label);
  ctx.beginPath();
  if (label === "V") ctx.rect(x - r, y - r, 2 * r, 2 * r);
  else if (label === "S") { ctx.moveTo(x, y - 1.2 * r); ctx.lineTo(x + 1.2 * r, y + r); ctx.lineTo(x - 1.2 * r, y + r); }
  else if (label === "Q") { ctx.moveTo(x, y - 1.3 * r); ctx.lineTo(x + 1.3 * r, y); ctx.lineTo(x, y + 1.3 * r); ctx.lineTo(x - 1.3 * r, y); }
  else ctx.arc(x, y, 0.75 * r, 0, 7);
  ctx.fill();
}

export function hatch(ctx, x0, x1, y0, y1, colour) {
  ctx.save();
  ctx.beginPath(); ctx.rect(x0, y0, x1 - x0, y1 - y0); ctx.clip();
  ctx.strokeStyle = colour; ctx.lineWidth = 1; ctx.globalAlpha = 0.45;
  ctx.beginPath();
  for (let x = x0 - (x0 % 9) - (y1 - y0); x < x1; x += 9) { ctx.moveTo(x, y1); ctx.lineTo(x + (y1 - y0), y0); }
  ctx.stroke();
  ctx.restore();
}

/** Samples `first` to `last` as a path: from sample to sample, or lowest to highest where pixels are scarce. */
export function tracePath(ctx, mv, first, last, perPixel, toX, toY) {
  ctx.beginPath();
  let isDown = false;
  const go = (x, y) => { ctx[isDown ? "lineTo" : "moveTo"](x, y); isDown = true; };
  if (perPixel < 3) {
    for (let i = first; i <= last; i++) {
      if (Number.isFinite(mv[i])) go(toX(i), toY(mv[i]));
      else isDown = false;
    }
    return;
  }
  for (let from = first - (first % perPixel); from <= last; from += perPixel) { // on a grid: it does not shimmer
    let low = Infinity, high = -Infinity;
    for (let i = Math.max(Math.ceil(from), first); i < from + perPixel && i <= last; i++) {
      if (mv[i] < low) low = mv[i];
      if (mv[i] > high) high = mv[i];
    }
    if (low > high) { isDown = false; continue; }
    const x = toX(from), top = toY(high), bottom = toY(low);
    if (bottom - top < FINE) go(x, (top + bottom) / 2);
    else { go(x, top); go(x, bottom); }
  }
}

export function clock(seconds, digits = 0) {
  const whole = Math.max(seconds, 0) + (digits ? 0 : 1e-6), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const rest = whole % 60, shown = (digits ? rest.toFixed(digits) : String(Math.floor(rest))).padStart(digits ? 3 + digits : 2, "0");
  return (hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes) + ":" + shown;
}
