// WFDB headers (header(5) of the WFDB manual): what a record holds and where.

import { InputError, checkLength, checkRate } from "./record.mjs";
import { mvPerUnit } from "./units.mjs";

const DEFAULT_GAIN = 200; // what WFDB takes where the header gives none

/** { stem, frameRateHz, frames, channels } of a header's text. */
export function parseHeader(stem, text) {
  const fault = (sentence) => { throw new InputError(`${stem}.hea: ${sentence}`); };
  const lines = text.split(/\r\n|\n|\r/).map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  if (!lines.length) fault("the header is empty; download or export the record again.");
  const [name, signals, rate = "250", length = ""] = lines[0].split(/\s+/);
  if (name.includes("/")) fault("the record is made of segments; open one segment's .hea and .dat instead.");
  const count = Number(signals);
  if (!Number.isInteger(count) || count < 1) fault("the header describes no signals; choose a record with an ECG in it.");
  if (lines.length - 1 !== count) fault(`the header says ${count} signals but describes ${lines.length - 1}; download it again.`);
  const frameRateHz = /^\d*\.?\d+(?![\w.+-])|^\d+\.(?![\w.+-])/.test(rate) ? parseFloat(rate) : fault(`the sampling rate "${rate.slice(0, 40)}" is not a number; correct the header.`);
  const frames = length === "" || Number(length) === 0 ? null : Number(length);
  if (frames !== null && !Number.isInteger(frames)) fault(`the length "${length.slice(0, 40)}" is not a number; correct the header.`);
  const channels = lines.slice(1).map((line, index) => channel(line, index, fault));
  for (const one of channels) {
    checkRate(frameRateHz * one.samplesPerFrame);
    if (frames !== null) checkLength(frames * one.samplesPerFrame);
  }
  return { stem, frameRateHz, frames, channels };
}

function channel(line, index, fault) {
  const [file, format = "", gain = "", , zero = "0", ...rest] = line.split(/\s+/);
  if (/[/\\:]/.test(file) || file === "..") fault(`the header names "${file.slice(0, 80)}", outside the record's folder, and is refused.`);
  const kind = /^(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?$/.exec(format);
  if (!kind) fault(`the format "${format.slice(0, 40)}" of signal ${index + 1} is no WFDB format; export it again.`);
  const [value, unit = ""] = gain.split("/");
  const scale = /^(-?\d*\.?\d*(?:e[+-]?\d+)?)(?:\((-?\d+)\))?/i.exec(value);
  const known = scale[1] !== "" && Number.isFinite(Number(scale[1])) && Number(scale[1]) !== 0;
  const plainUnit = unit.toLowerCase() || "mv";
  return {
    index, file,
    format: Number(kind[1]),
    samplesPerFrame: Number(kind[2] ?? 1) || 1,
    skew: Number(kind[3] ?? 0),
    byteOffset: Number(kind[4] ?? 0),
    gain: known ? Number(scale[1]) : DEFAULT_GAIN,
    baseline: Number(scale[2] ?? zero) || 0,
    unit: plainUnit,
    mvPerUnit: mvPerUnit(plainUnit) ?? 1,
    hasGain: known && mvPerUnit(plainUnit) !== undefined,
    name: rest.slice(3).join(" ") || `signal ${index + 1}`,
  };
}
