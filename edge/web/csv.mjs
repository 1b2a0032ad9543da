// Plain CSV: a sample a row; a time column or a rate that one is asked for, units in the head or asked for.
//
// Separators ; tab , and blanks; decimal commas beside all but the comma. Where the times jump,
// samples are missing; in a single column an empty line between two rows is a missing sample, unless every other line is empty.

import { InputError, NeedsAnswer, Growing, checkLength, checkRate } from "./record.mjs";
import { firstLead, isNamedEcg, isOtherSignal } from "./lead_names.mjs";
import { cells, clean, headLines, isMissing, lineBlocks, numberIn, sample } from "./text.mjs";
import { mvPerUnit } from "./units.mjs";

const HEAD_LINES = 100, MOST_COLUMNS = 256, SPACED_LINES = 20;
const SECONDS_PER_UNIT = { s: 1, sec: 1, second: 1, seconds: 1, ms: 1e-3, msec: 1e-3, millisecond: 1e-3, milliseconds: 1e-3, us: 1e-6, microsecond: 1e-6, microseconds: 1e-6, ns: 1e-9, nanosecond: 1e-9, nanoseconds: 1e-9 };
const TIME_KEY = /^(?:elapsed|sensor|rel|relative|device|sample)*(?:time(?:stamps?)?|zeit|t)$/;
const INDEX_KEY = /^(?:(?:sample|row)?(?:index|#|no|number|counter)|sample|frame|n)$/;
const OTHER_KEY = /^(?:phone.*|flags?|date(?:time)?|events?|annotations?|labels?|hr(?:bpm)?|bpm|leadoff|quality|clock|unnamed.*|marker|relms|ms)$/;
const NAME_WITH_UNIT = /^(.*?)\s*[[(]\s*([^\])]*?)\s*[\])]$/s;
const NAME_UNIT = /^(.*)_(mv|uv|µv|μv|nv|v|ms|us|ns|s)$/i;
const CLOCK = /^\[?'?(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)'?\]?$/;
// Rate alone, or behind unit and lead: a heart has a rate too.
const RATE_HINT = /(?:sampl\w{0,20}[\s_]{0,4}(?:rate|freq\w{0,10})|(?:^|[#%,;|({["']|\b(?:unit|lead)\s{0,4}[=:]\s{0,4}[^\s,;]{1,32}\s)[ \t]{0,20}(?:rate(?:_hz)?|fs))[^\w]{1,20}([\d.]+(?:e\d{1,2})?)/im;
const UNIT_HINT = /\bunits?[^\wµμ]{1,20}([a-zµμ]{1,20})/i;
const HINT = /\b(rate|unit|lead)\s*[=:]\s*([^\s,;]{1,32})/gi; // in a comment, as in a stream
const JUMP = 1.75; // usual steps; a longer one is a gap
const STEPS_TOGETHER = 500; // of these most are gaps, or the others are of another length: another rate
const SAME_RATE = 0.1;
const RATES_AGREE = 0.02;
const LIKELIEST_HZ = [50, 2000]; // of a time column that says no unit
const MOST_LOST_SHARE = 20; // gaps as long as this many times what is there are a damaged time

/** Leads of a table; `answers` { rateHz, unit } hold what the file does not say. */
export async function readCsv(file, answers = {}) {
  const table = tableOf(await headLines(file, HEAD_LINES));
  if (!table) throw new InputError(`${file.name} has no rows of numbers; check the file.`);
  const { signals, time } = roles(table);
  if (!signals.length) throw new InputError(`No column of ${file.name} holds a signal; check the header.`);
  const asks = [];
  if (time === null && !(answers.rateHz || table.rateHz)) asks.push("rate");
  const unknown = signals.filter((at) => mvPerUnit(table.units[at] || table.unit) === undefined);
  if (unknown.length === signals.length && !answers.unit) asks.push("unit");
  if (asks.length) throw new NeedsAnswer(`${file.name} does not say its ${asks.map((ask) => (ask === "rate" ? "sampling rate" : ask)).join(" and ")}.`, asks);
  const known = signals.filter((at) => answers.unit || !unknown.includes(at));
  const names = known.map((at) => (known.length === 1 && table.lead) || table.names[at] || (known.length === 1 ? "ECG" : `column ${at + 1}`));
  const units = known.map((at) => table.units[at].toLowerCase());
  const leads = known.map((at, k) => ({
    name: names[k],
    isEcg: !isOtherSignal(names[k], units[k]),
    load: () => load(file, table, time, at, answers),
  }));
  const chosen = firstLead(names, units);
  if (chosen < 0) throw new InputError(`No column of ${file.name} looks like an ECG: ${names.join(", ")}; name one ECG.`);
  return { name: file.name.replace(/\.\w+$/, ""), leads, chosen };
}

async function load(file, table, time, at, answers) {
  const mv = new Growing(), times = time === null ? null : new Growing(Float64Array);
  const perUnit = mvPerUnit(table.units[at] || table.unit) ?? mvPerUnit(answers.unit);
  await eachRow(file, table, Math.max(at, time ?? 0), (row, number) => {
    const value = sample(row[at], table.decimalComma);
    if (value === null) throw new InputError(`Row ${number} of ${file.name} has "${clean(row[at], 40)}" where a number belongs; correct the file.`);
    mv.push(value * perUnit);
    if (!times) return;
    const seconds = secondsIn(row[time], table.decimalComma);
    if (!Number.isFinite(seconds)) throw new InputError(`Row ${number} of ${file.name} has "${clean(row[time], 40)}" where a time belongs; correct the file, or drop that column.`);
    times.push(seconds);
  });
  checkLength(mv.length);
  const told = answers.rateHz || table.rateHz;
  if (!times) return { mv: mv.done(), rateHz: checkRate(told), hasGain: true };
  const { rateHz, gaps } = rateAndGaps(times.done(), table.units[time], file.name, told);
  return { mv: withGaps(mv.done(), gaps, file.name), rateHz: checkRate(rateHz), hasGain: true };
}

async function eachRow(file, table, last, take) {
  let waiting = 0; // empty lines, which are missing samples where a row follows
  for await (const [lines, number, isLast] of lineBlocks(file))
    for (let k = Math.max(table.first + 1 - number, 0); k < lines.length; k++) {
      if (!isFilled(lines[k])) {
        waiting += Number(table.emptyIsMissing && !lines[k].trim());
        continue;
      }
      const row = cells(lines[k], table.separator);
      if (row.length <= last) {
        if (isLast && lines.slice(k + 1).every((line) => !line.trim())) return; // cut off within its last row
        throw new InputError(`Row ${number + k} of ${file.name} has too few columns; correct the file.`);
      }
      for (; waiting; waiting--) take([""], number + k);
      take(row, number + k);
    }
}

/** Where the rows begin, how a row is split, and what stands above; null where no rows of numbers follow. */
export function tableOf(lines) {
  for (let at = 0; at < lines.length; at++) {
    const separator = [";", "\t", ","].find((mark) => lines[at].includes(mark)) ?? null;
    const row = cells(lines[at].replace(/^\ufeff/, ""), separator);
    if (!isRow(row) || row.length > MOST_COLUMNS) continue;
    const below = lines.slice(at, at + 20).filter(isFilled).map((line) => cells(line, separator));
    const rows = below.filter((one) => one.length === row.length && isRow(one));
    if (rows.length >= 2 && rows.length >= 0.8 * (below.length - 1)) return table(lines, at, separator, rows);
  }
  return null;
}

function table(lines, first, separator, rows) {
  const above = lines.slice(0, first).filter((line) => line.trim() && !isHint(line)).map((line) => cells(line.replace(/^[\ufeff#% ]+/, ""), separator));
  const width = rows[0].length, none = Array(width).fill("");
  const labels = above.slice(-2).filter((row) => row.length === width);
  let names = none, units = none;
  if (labels.length === 2 && labels[1].some(isUnit)) [names, units] = labels;
  else if (labels.length && above.at(-1).length === width) names = labels.at(-1);
  let decimalComma = separator !== "," && rows.some((row) => row.some((cell) => cell.includes(",")));
  if (separator === "," && width === 2 && !names.some(Boolean) && isDecimalComma(rows)) {
    separator = null; // one column with decimal commas looks like two
    [names, units, decimalComma] = [[""], [""], true];
    rows = rows.map((row) => [row.join(".")]);
  }
  const pairs = names.map((name, k) => nameAndUnit(name, units[k]));
  const head = lines.slice(0, first).join("\n");
  const unit = UNIT_HINT.exec(head)?.[1] ?? "";
  const lead = hints(lines.slice(0, first).filter((line) => line.startsWith("#")).join("\n")).lead ?? "";
  return {
    separator, first, decimalComma, rows,
    names: pairs.map(([name]) => name),
    units: pairs.map(([, unit]) => unit),
    rateHz: numberIn(RATE_HINT.exec(head)?.[1] ?? "") ?? undefined,
    unit: mvPerUnit(unit) === undefined ? "" : unit,
    lead: isNamedEcg(lead) ? clean(lead, 60) : "",
    emptyIsMissing: rows[0].length === 1 && lines.slice(first + 1, first + SPACED_LINES).some((line, k) => k % 2 === 0 && isFilled(line)),
  };
}

/** What comments say of the samples below them: rate, unit, lead. */
const hints = (text) => Object.fromEntries([...text.matchAll(HINT)].map(([, key, value]) => [key.toLowerCase(), value]));
const isHint = (line) => line.startsWith("#") && line.search(HINT) >= 0 && !/[^#,; \t]/.test(line.replace(HINT, ""));
/** Whether a line below the head is a row: not empty, no comment. */
const isFilled = (line) => Boolean(line.trim()) && !line.startsWith("#");

function nameAndUnit(name, unit) {
  const match = NAME_WITH_UNIT.exec(name) ?? NAME_UNIT.exec(name);
  return [clean(match ? match[1] : name, 60), (unit || match?.[2] || "").replace(/^[[( ]+|[\]) ]+$/g, "")];
}

const isRow = (row) =>
  row.some((cell) => numberIn(cell) !== null) &&
  row.every((cell) => numberIn(cell) !== null || isMissing(cell) || CLOCK.test(cell) || isMoment(cell));
const isMoment = (cell) => /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$/.test(cell);
const isUnit = (cell) => {
  const plain = cell.replace(/^[[( ]+|[\]) ]+$/g, "");
  return mvPerUnit(plain) !== undefined || secondsPer(plain) !== undefined;
};
const secondsPer = (unit) => {
  const plain = unit.trim().toLowerCase().replace(/[µμ]/, "u");
  return Object.hasOwn(SECONDS_PER_UNIT, plain) ? SECONDS_PER_UNIT[plain] : undefined;
};

/** Whether `a,b` is one number: b is all digits and a does not count up as a time does. */
function isDecimalComma(rows) {
  if (rows.some((row) => row.some((cell) => cell.includes(".")))) return false;
  return rows.every((row) => /^\d+$/.test(row[1])) && !countsUp(rows, 0);
}
const countsUp = (rows, at) => rows.every((row, k) => k === 0 || numberIn(row[at]) > numberIn(rows[k - 1][at]));

/** Columns that may be signals, and the time column or null. */
function roles({ names, units, rows }) {
  const keys = names.map((name) => name.toLowerCase().replace(/[^a-z0-9#]/g, ""));
  const filled = keys.map((_, at) => at).filter((at) => rows.some((row) => row[at] !== ""));
  if (filled.length === 1) return { signals: filled, time: null };
  if (!keys.some(Boolean)) {
    const time = countsUp(rows, 0) || isDated(rows, 0) ? 0 : null;
    return { signals: filled.filter((at) => at !== time), time };
  }
  const isTime = (at) => !/^(phone|rr)/.test(keys[at]) && (TIME_KEY.test(keys[at]) || /^(relms|ms)$/.test(keys[at]) || secondsPer(units[at]) !== undefined);
  let times = filled.filter(isTime);
  if (!times.length) times = filled.filter((at) => isDated(rows, at) && !keys[at].startsWith("phone"));
  const signals = filled.filter((at) => !isTime(at) && !times.includes(at) && !INDEX_KEY.test(keys[at]) && !OTHER_KEY.test(keys[at]));
  return { signals, time: times.find((at) => keys[at].startsWith("sensor")) ?? times[0] ?? null };
}

/** Whether rows have dates with times of day there, each another, whatever the column's name. */
const isDated = (rows, at) => new Set(rows.map((row) => row[at])).size === rows.length && rows.every((row) => /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(row[at]));

/** A time in its column's unit; clocks and dates in seconds. NaN where it can't be read. */
function secondsIn(cell, decimalComma) {
  const value = sample(cell, decimalComma);
  if (value !== null) return value;
  const clock = CLOCK.exec(cell);
  if (clock) return 3600 * Number(clock[1] ?? 0) + 60 * Number(clock[2]) + Number(clock[3]);
  const moment = /^(.*?:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/.exec(cell.replace(" ", "T"));
  return moment ? Date.parse(moment[1] + (moment[3] ?? "Z")) / 1000 + Number(moment[2] ?? 0) : NaN;
}

/** The rate, as the mean over what is no gap, and before which samples how many are missing. */
export function rateAndGaps(times, unit, name, told) {
  const steps = new Float64Array(Math.max(times.length - 1, 0));
  for (let k = 0; k < steps.length; k++) {
    steps[k] = times[k + 1] - times[k];
    if (steps[k] < 0) throw new InputError(`The times of ${name} go back after sample ${k + 1}; sort the rows or split the file.`);
  }
  const usual = steps.length < 2 ? 0 : medianOf(steps);
  if (!(usual > 0)) throw new InputError(`The times of ${name} repeat; drop the time column, and the page asks for the rate.`);
  let sum = 0, count = 0;
  for (const step of steps) if (step <= JUMP * usual) { sum += step; count++; }
  const mean = sum / count, gaps = [];
  checkOneRate(steps, JUMP * usual, mean, name);
  let rounding = 0;
  for (let k = 0; k < steps.length; k++) {
    if (steps[k] <= JUMP * usual) rounding = Math.max(rounding, Math.abs(steps[k] - mean) / mean);
    else gaps.push([k + 1, Math.round(steps[k] / mean) - 1]);
  }
  let rateHz = 1 / (mean * stepUnit(mean, unit, name));
  const whole = Math.round(rateHz); // where stamps are rounded, the whole rate that fits them all is meant
  if (whole && Math.abs(count * (rateHz / whole - 1)) <= Math.max(rounding, 1e-6 * count)) rateHz = whole;
  if (told && Math.abs(rateHz / told - 1) > RATES_AGREE) throw new InputError(`The times of ${name} say ${rateHz.toPrecision(4)} Hz, its head ${told}; correct one.`);
  return { rateHz: told || rateHz, gaps };
}

/** Times whose steps are longer or shorter in a part of the file are refused: it has two rates. */
function checkOneRate(steps, longest, mean, name) {
  for (let start = 0; start + STEPS_TOGETHER <= steps.length; start += STEPS_TOGETHER) {
    const here = steps.subarray(start, start + STEPS_TOGETHER), kept = here.filter((step) => step <= longest);
    const some = 2 * kept.length < STEPS_TOGETHER ? medianOf(here) : kept.reduce((sum, step) => sum + step, 0) / kept.length;
    if (Math.abs(some / mean - 1) <= SAME_RATE) continue;
    throw new InputError(`The times of ${name} step by ${some.toPrecision(4)} from about row ${start + 1} on, elsewhere by ${mean.toPrecision(4)}; split the file where its rate changes.`);
  }
}

const medianOf = (values) => {
  const sorted = values.slice().sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

function stepUnit(step, unit, name) {
  const said = secondsPer(unit);
  const found = said ?? [1, 1e-3, 1e-6, 1e-9].find((seconds) => 1 / (step * seconds) >= LIKELIEST_HZ[0] && 1 / (step * seconds) <= LIKELIEST_HZ[1]);
  if (found === undefined) throw new InputError(`The time column of ${name} steps by ${step.toPrecision(4)}, no ECG's rate in s, ms, us or ns; write its unit into the header.`);
  return found;
}

function withGaps(mv, gaps, name) {
  if (!gaps.length) return mv;
  const lost = gaps.reduce((sum, [, missing]) => sum + missing, 0);
  if (lost > Math.max(MOST_LOST_SHARE * mv.length, 1 << 16)) throw new InputError(`The gaps in the times of ${name} are ${lost} samples long; check its times or split it.`);
  checkLength(mv.length + lost);
  const whole = new Float32Array(mv.length + lost).fill(NaN);
  let from = 0, shift = 0;
  for (const [at, missing] of [...gaps, [mv.length, 0]]) {
    whole.set(mv.subarray(from, at), from + shift);
    [from, shift] = [at, shift + missing];
  }
  return whole;
}
