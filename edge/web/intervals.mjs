// RR, PR, QRS, QT and QTc from beats. Twin of edge/intervals.py.

export const MAX_RR_S = 3; // a longer gap is a pause or lost signal, not a rhythm

/** Median of numbers in any order; null of none. */
export function median(values) {
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Mean heart rate from the mean RR interval; null where there is none. */
export function heartRate(beats) {
  let sum = 0, count = 0;
  for (let k = 1; k < beats.length; k++) {
    const rr = beats[k].r_s - beats[k - 1].r_s;
    if (rr <= MAX_RR_S) { sum += rr; count++; }
  }
  return count ? (60 * count) / sum : null;
}

/** Medians in ms over normal beats (over all if none is normal): pr, qrs, qt, qtc (Fridericia). */
export function medianIntervals(beats) {
  const chosen = beats.some((beat) => beat.label === "N") ? "N" : null;
  const found = { pr: [], qrs: [], qt: [], qtc: [] };
  beats.forEach((beat, k) => {
    if (chosen && beat.label !== chosen) return;
    const gap = k ? beat.r_s - beats[k - 1].r_s : Infinity;
    found.qrs.push(1000 * (beat.qrs_off_s - beat.qrs_on_s));
    if (beat.p_on_s !== null) found.pr.push(1000 * (beat.qrs_on_s - beat.p_on_s));
    if (beat.t_off_s === null) return;
    const qt = 1000 * (beat.t_off_s - beat.qrs_on_s);
    found.qt.push(qt);
    if (gap <= MAX_RR_S) found.qtc.push(qt / Math.cbrt(gap));
  });
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, median(values)]));
}
