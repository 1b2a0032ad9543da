// The page's readers in Node: CASES(JSON file) > what each gives (JSON), samples as base64 of float32.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isNamedEcg, isOtherSignal, leadKey } from "../../../edge/web/lead_names.mjs";
import { openFiles } from "../../../edge/web/open.mjs";
import { InputError } from "../../../edge/web/record.mjs";

const base64 = (mv) => Buffer.from(mv.buffer, mv.byteOffset, mv.byteLength).toString("base64");

async function read({ files, answers, lead }) {
  try {
    const recording = await openFiles(files.map((path) => new File([readFileSync(path)], basename(path))), answers);
    const names = recording.leads.map((one) => one.name);
    const chosen = lead === undefined ? recording.chosen : names.indexOf(lead);
    const { mv, rateHz, hasGain } = await recording.leads[chosen].load();
    return { name: recording.name, leads: names, lead: names[chosen], rateHz, hasGain, mv: base64(mv) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { error: error.message, asks: error.asks ?? null };
  }
}

const { cases = [], names = [] } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answers = [];
for (const one of cases) answers.push(await read(one));
const told = names.map(([name, unit]) => [leadKey(name), isNamedEcg(name), isOtherSignal(name, unit)]);
console.log(JSON.stringify({ answers, names: told }));
