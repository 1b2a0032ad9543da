// WFDB signal files (signal(5) of the WFDB manual): one channel in mV, read a block at a time.

import { InputError, checkLength } from "./record.mjs";
import { bytesOf } from "./text.mjs";

const BLOCK_FRAMES = 3 << 14; // a multiple of 6: no format's group of samples is cut
const FLAC = [508, 516, 524];

// [bytes, samples] of a group, the code that marks a missing sample, and sample k of a view.
const at310 = (view, k) => {
  const from = 4 * Math.floor(k / 3), low = view.getUint16(from, true), high = view.getUint16(from + 2, true);
  const code = k % 3 === 0 ? (low >> 1) & 1023 : k % 3 === 1 ? (high >> 1) & 1023 : (low >> 11) | ((high >> 11) << 5);
  return (code << 22) >> 22;
};
const at212 = (view, k) => {
  const from = 3 * (k >> 1), middle = view.getUint8(from + 1);
  const code = k & 1 ? ((middle & 0xf0) << 4) | view.getUint8(from + 2) : ((middle & 0x0f) << 8) | view.getUint8(from);
  return (code << 20) >> 20;
};
const at24 = (view, k) => ((view.getUint16(3 * k, true) | (view.getUint8(3 * k + 2) << 16)) << 8) >> 8;
const FORMATS = {
  16: [2, 1, -32768, (view, k) => view.getInt16(2 * k, true)],
  61: [2, 1, -32768, (view, k) => view.getInt16(2 * k, false)],
  160: [2, 1, -32768, (view, k) => view.getUint16(2 * k, true) - 32768],
  24: [3, 1, -8388608, at24],
  32: [4, 1, -2147483648, (view, k) => view.getInt32(4 * k, true)],
  80: [1, 1, -128, (view, k) => view.getUint8(k) - 128],
  212: [3, 2, -2048, at212],
  310: [4, 3, -512, at310],
  311: [4, 3, -512, (view, k) => (view.getInt32(4 * Math.floor(k / 3), true) << (22 - 10 * (k % 3))) >> 22],
};

/** One channel of a header in mV, NaN where missing; `files` are the chosen files by name. */
export async function readChannel(header, channel, files) {
  const fault = (sentence) => { throw new InputError(`${header.stem}: ${sentence}`); };
  if (FLAC.includes(channel.format)) fault(`format ${channel.format} is compressed by FLAC, which this page does not read; convert it by "xform -o 16".`);
  const format = FORMATS[channel.format] ?? fault(`WFDB format ${channel.format} is not read by this page; convert it to format 16.`);
  const file = files.get(channel.file) ?? fault(`choose ${channel.file} together with ${header.stem}.hea: the header says what the signal file holds.`);
  const sharing = header.channels.filter((one) => one.file === channel.file);
  if (sharing.some((one) => one.format !== channel.format)) fault(`the signals of ${channel.file} have several formats; export it again.`);
  const [bytes, samples, missing, code] = format;
  const width = sharing.reduce((sum, one) => sum + one.samplesPerFrame, 0), fast = channel.samplesPerFrame;
  const offset = sharing[0].byteOffset;
  const frames = header.frames ?? Math.floor((Math.max(file.size - offset, 0) * samples) / bytes / width);
  const bytesOfFrames = (count) => Math.ceil((count * width * bytes) / samples);
  if (offset + bytesOfFrames(frames) > file.size + (samples === 3 ? 3 : 0)) fault(`${channel.file} is truncated: ${offset + bytesOfFrames(frames)} bytes expected, ${file.size} found; download it again.`);
  const before = sharing.filter((one) => one.index < channel.index).reduce((sum, one) => sum + one.samplesPerFrame, 0);
  const mv = new Float32Array(checkLength(frames * fast)).fill(NaN);
  for (let first = 0; first < frames; first += BLOCK_FRAMES) {
    const count = Math.min(BLOCK_FRAMES, frames - first), from = offset + bytesOfFrames(first);
    const padded = new Uint8Array(bytesOfFrames(count) + 4); // a group may end before its last byte
    padded.set(await bytesOf(file.slice(from, from + bytesOfFrames(count)), channel.file));
    const view = new DataView(padded.buffer);
    for (let frame = 0; frame < count; frame++)
      for (let k = 0; k < fast; k++) {
        const value = code(view, frame * width + before + k), at = (first + frame) * fast + k - channel.skew * fast;
        if (at >= 0 && value !== missing) mv[at] = ((value - channel.baseline) / channel.gain) * channel.mvPerUnit;
      }
  }
  return mv;
}
