// RR, PR, QRS, QT and QTc from beats. Twin of edge/intervals.py and edge/stored_intervals.py.

import { touchingNotGood } from "./spans.mjs";

export const MAX_RR_S = 3; // a longer gap is a pause or lost signal, not a rhythm

/** Median of numbers in any order; null of none. */
export function median(values) {
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** RR before each beat; NaN before the first, above `MAX_RR_S` and across signal that is not good. */
export function rrBefore(beats, quality) {
  const isOff = touchingNotGood(quality);
  return beats.map((beat, k) => {
    const start = k ? beats[k - 1].r_s : -Infinity;
    return beat.r_s - start <= MAX_RR_S && !isOff(start, beat.r_s) ? beat.r_s - start : NaN;
  });
}

/** Mean heart rate from the mean RR interval; null where there is none. */
export function heartRate(beats, quality) {
  const known = rrBefore(beats, quality).filter((rr) => !isNaN(rr));
  return known.length ? (60 * known.length) / known.reduce((sum, rr) => sum + rr) : null;
}

/** Medians in ms over normal beats (over all if none is normal): pr, qrs, qt, qtc (Fridericia). */
export function medianIntervals(beats, quality) {
  const before = rrBefore(beats, quality);
  const chosen = beats.some((beat) => beat.label === "N") ? "N" : null;
  const found = { pr: [], qrs: [], qt: [], qtc: [] };
  beats.forEach((beat, k) => {
    if (chosen && beat.label !== chosen) return;
    found.qrs.push(1000 * (beat.qrs_off_s - beat.qrs_on_s));
    if (beat.p_on_s !== null) found.pr.push(1000 * (beat.qrs_on_s - beat.p_on_s));
    if (beat.t_off_s === null) return;
    const qt = 1000 * (beat.t_off_s - beat.qrs_on_s);
    found.qt.push(qt);
    if (!isNaN(before[k])) found.qtc.push(qt / Math.cbrt(before[k]));
  });
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, median(values)]));
}
