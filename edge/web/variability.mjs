// Heart-rate variability over NN intervals. Twin of edge/variability.py, which says what counts as one and why.

import { median, rrBefore } from "./intervals.mjs";
import { touching } from "./spans.mjs";
import { stretches } from "./stretches.mjs";

const MIN_DIFFERENCES = 60; // about a minute
const MIN_NN_SHARE = 0.5; // of the readable RR intervals
const RECENT_RR = 8;
const MOST_CHANGE = 1.75; // times their median
const NN50_MS = 50, LEAST_MS = 1e-6; // a step of 50 ms between whole samples is not above 50 ms
const WINDOW_S = 30; // of a rhythm

/** SDNN, RMSSD, pNN50, SD1 and SD2; all but the count are null where too few intervals are left. */
export function variability(beats, quality, rhythms) {
  const { nn, differences, sums, readable } = intervals(beats, quality, rhythms);
  const told = differences.length >= MIN_DIFFERENCES && nn.length >= MIN_NN_SHARE * readable;
  const figure = (value) => (told ? value() : null);
  return {
    nn_intervals: nn.length,
    sdnn_ms: figure(() => deviation(nn)),
    rmssd_ms: figure(() => Math.sqrt(mean(differences.map((change) => change ** 2)))),
    pnn50_percent: figure(() => 100 * mean(differences.map((change) => Number(Math.abs(change) > NN50_MS + LEAST_MS)))),
    sd1_ms: figure(() => deviation(differences) / Math.SQRT2),
    sd2_ms: figure(() => deviation(sums) / Math.SQRT2),
  };
}

/** NN intervals in ms, differences and sums of those that share a beat, and how many RR could be read. */
function intervals(beats, quality, rhythms) {
  const rrs = rrBefore(beats, quality);
  // The first of the windows that a stretch stands on begins before the stretch.
  const isAf = touching(stretches(rhythms).filter(({ label }) => label === "af").map(({ start_s, end_s }) => [start_s - WINDOW_S, end_s]));
  const found = { nn: [], differences: [], sums: [], readable: 0 };
  let recent = [], before = NaN;
  for (let k = 1; k < beats.length; k++) {
    const rr = rrs[k], af = isAf(beats[k - 1].r_s, beats[k].r_s);
    const isNormal = beats[k - 1].label === "N" && beats[k].label === "N";
    const ms = isNormal && !af && isPlausible(rr, recent) ? 1000 * rr : NaN;
    if (!isNaN(rr)) found.readable++;
    if (!isNaN(ms)) found.nn.push(ms);
    if (!isNaN(ms - before)) {
      found.differences.push(ms - before);
      found.sums.push(ms + before);
    }
    before = ms;
    recent = [...recent, rr].slice(-RECENT_RR);
  }
  return found;
}

/** Whether an RR is near the median of those before, if any is known; NaN is not. */
function isPlausible(rr, recent) {
  const usual = median(recent.filter((one) => !isNaN(one)));
  return !isNaN(rr) && (usual === null || Math.max(rr / usual, usual / rr) <= MOST_CHANGE);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
