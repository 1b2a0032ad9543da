// The chosen files as one recording: a WFDB pair, an Apple Health CSV or a plain CSV.

import { isAppleHealth, readAppleHealth } from "./apple_health.mjs";
import { readCsv } from "./csv.mjs";
import { firstLead, isOtherSignal } from "./lead_names.mjs";
import { InputError } from "./record.mjs";
import { bytesOf, headLines } from "./text.mjs";
import { parseHeader } from "./wfdb_header.mjs";
import { readChannel } from "./wfdb_signals.mjs";

const MOST_HEADER_BYTES = 10_000_000;
const OTHERS = {
  edf: "EDF", bdf: "BDF", xml: "XML", json: "JSON", zip: "a zip archive", gz: "a compressed file", dcm: "DICOM", scp: "SCP-ECG", atc: "AliveCor ATC", pdf: "PDF", png: "a picture", jpg: "a picture", jpeg: "a picture", atr: "a file of annotations",
};

/** A recording of these files; InputError with one sentence where they are none. */
export async function openFiles(files, answers = {}) {
  if (!files.length) throw new InputError("No file was chosen; choose a CSV, or a WFDB record's .hea and .dat together.");
  const headers = files.filter((file) => suffix(file) === "hea");
  if (headers.length > 1) throw new InputError(`${headers.map((file) => file.name).join(" and ")} are ${headers.length} records; open one at a time.`);
  if (headers.length) return openWfdb(headers[0], files);
  const signal = files.find((file) => ["dat", "mat"].includes(suffix(file)));
  if (signal) throw new InputError(`${signal.name} has no header; choose ${signal.name.replace(/\.\w+$/, "")}.hea together with it.`);
  if (files.length > 1) throw new InputError(`${files.length} files were chosen; open one recording at a time.`);
  return openText(files[0], answers);
}

async function openText(file, answers) {
  const kind = OTHERS[suffix(file)];
  if (kind) throw new InputError(`${file.name} is ${kind}, which this page does not read; open a CSV or a WFDB pair, or read it by leadone itself.`);
  if (file.size === 0) throw new InputError(`${file.name} is empty; export it again.`);
  const head = await bytesOf(file.slice(0, 512), file.name);
  if (head.includes(0) && head[0] < 0xfe) throw new InputError(`${file.name} is no text; open a CSV, or a WFDB record's .hea and .dat together.`);
  return isAppleHealth(await headLines(file, 60)) ? readAppleHealth(file) : readCsv(file, answers);
}

async function openWfdb(file, files) {
  if (file.size > MOST_HEADER_BYTES) throw new InputError(`${file.name} is too large for a WFDB header; choose another file.`);
  const stem = file.name.replace(/\.hea$/i, "");
  const header = parseHeader(stem, new TextDecoder().decode(await bytesOf(file, file.name)));
  const byName = new Map(files.map((one) => [one.name, one]));
  const names = header.channels.map((channel) => channel.name), units = header.channels.map((channel) => channel.unit);
  const leads = header.channels.map((channel) => ({
    name: channel.name,
    isEcg: !isOtherSignal(channel.name, channel.unit),
    load: async () => ({
      mv: await readChannel(header, channel, byName),
      rateHz: header.frameRateHz * channel.samplesPerFrame,
      hasGain: channel.hasGain,
    }),
  }));
  const chosen = firstLead(names, units);
  if (chosen < 0) throw new InputError(`No channel of ${file.name} looks like an ECG: ${names.join(", ")}.`);
  return { name: stem, leads, chosen };
}

const suffix = (file) => file.name.split(".").pop().toLowerCase();
