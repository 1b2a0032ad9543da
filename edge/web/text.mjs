// Lines of a file that may be large, and numbers in the spellings of devices and locales.

import { InputError } from "./record.mjs";

const BLOCK_BYTES = 1 << 20;
const MOST_BYTES = 1 << 29;
const LONGEST_LINE = 1 << 16;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i;
const MISSING = new Set(["", "nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf", "?", "-"]);

/** The lines of a Blob, block by block: [lines, number of the first from 1, whether the file ends]. */
export async function* lineBlocks(blob) {
  if (blob.size > MOST_BYTES) throw new InputError(`${blob.name} has ${blob.size} bytes, more than ${MOST_BYTES} for text; split it, or convert it to WFDB.`);
  const decoder = new TextDecoder(await encodingOf(blob));
  let rest = "", number = 1;
  for (let at = 0; at < blob.size; at += BLOCK_BYTES) {
    const isLast = at + BLOCK_BYTES >= blob.size;
    const bytes = await bytesOf(blob.slice(at, at + BLOCK_BYTES), blob.name);
    const lines = (rest + decoder.decode(bytes, { stream: !isLast })).split(/\r\n|\n|\r(?!$)/);
    rest = isLast ? "" : lines.pop();
    if (rest.length > LONGEST_LINE) throw new InputError(`A line of ${blob.name} is longer than ${LONGEST_LINE} characters; it is no table of samples.`);
    yield [lines, number, isLast];
    number += lines.length;
  }
}

/** The first lines of a Blob. */
export async function headLines(blob, count) {
  const head = new Blob([await bytesOf(blob.slice(0, BLOCK_BYTES / 8), blob.name)]);
  head.name = blob.name;
  const { value } = await lineBlocks(head).next();
  return value ? value[0].slice(0, count) : [];
}

/** A file's bytes; a file that was moved or may not be read is a sentence. */
export async function bytesOf(blob, name) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    throw new InputError(`${name} can't be read; choose it again.`);
  }
}

/** By its byte order mark, else UTF-8, else Latin-1, as those who wrote the head meant it. */
async function encodingOf(blob) {
  const head = await bytesOf(blob.slice(0, 4096), blob.name);
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return "utf-8";
  } catch {
    return "windows-1252";
  }
}

const plain = (cell) => cell.replace(/[\u2212\u2013]/g, "-").replace(/[\u00a0\u202f]/g, " ").trim();

/** A finite number in any spelling, decimal comma or point; null if it is none. */
export function numberIn(cell) {
  let text = plain(cell);
  if (text.includes(",") && !text.includes(".")) text = text.replace(",", ".");
  const value = NUMBER.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : null;
}

/** A cell of a column: NaN where a device writes that there is nothing, null where it is no number. */
export function sample(cell, decimalComma) {
  const text = decimalComma ? cell.trim().replace(",", ".") : cell.trim();
  if (NUMBER.test(text)) return Number.isFinite(Number(text)) ? Number(text) : NaN;
  const bare = plain(text);
  if (NUMBER.test(bare)) return Number(bare);
  return isMissing(bare) ? NaN : null;
}

export const isMissing = (cell) => MISSING.has(plain(cell).toLowerCase());

/** One printable line. */
export const clean = (words, limit = 120) => words.replace(/[\p{C}\p{Z}]/gu, " ").trim().slice(0, limit).trim();

/** The cells of a line; quotes keep separators. A null separator splits at blanks. */
export function cells(line, separator) {
  if (separator === null) return line.trim().split(/\s+/);
  if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim().replace(/^'|'$/g, ""));
  const found = [];
  let cell = "", isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const c = line[at];
    if (c === '"' && isQuoted && line[at + 1] === '"') cell += line[++at];
    else if (c === '"') isQuoted = !isQuoted;
    else if (c === separator && !isQuoted) { found.push(cell.trim()); cell = ""; }
    else cell += c;
  }
  return [...found, cell.trim()];
}
