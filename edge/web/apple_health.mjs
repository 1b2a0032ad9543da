// Apple Health `ecg_*.csv`: a head of key,value lines in the phone's language, then a sample a line.
//
// The head is read by what its values look like, so that any language will do. Name and birth date
// lead it; they are passed over. Rates are fractional, numbers may have decimal commas.

import { InputError, Growing, checkLength, checkRate } from "./record.mjs";
import { cells, clean, headLines, lineBlocks, numberIn, sample } from "./text.mjs";
import { mvPerUnit } from "./units.mjs";

const MOST_HEAD_LINES = 60;
const RATE = /^([\d.,]+)\s*(?:hertz|hz|герц|гц|ヘルツ|赫兹|赫茲|헤르츠)$/i;
const LEAD = /^.*(?<!\w)(I|II|III|aV[RLF]|V[1-9])$/;

/** The values of the head's lines, and the line on which the samples begin. */
function head(lines) {
  const values = [];
  for (let at = 0; at < lines.length; at++) {
    if (numberIn(lines[at]) !== null) return { values, first: at };
    const fields = cells(lines[at].replace(/^\ufeff/, ""), ",");
    if (fields.length > 1) values.push(clean(fields.slice(1).join(",")));
  }
  return { values, first: lines.length };
}

/** Whether a head names a rate in hertz and a unit of voltage. */
export function isAppleHealth(lines) {
  const { values } = head(lines.slice(0, MOST_HEAD_LINES));
  return values.some((value) => RATE.test(value)) && values.some((value) => mvPerUnit(value) !== undefined);
}

export async function readAppleHealth(file) {
  const { values, first } = head(await headLines(file, MOST_HEAD_LINES));
  const measured = values.slice(values.findIndex((value) => RATE.test(value))); // behind what people may be called
  const rateHz = checkRate(numberIn(RATE.exec(measured[0])[1]) ?? NaN);
  const perUnit = mvPerUnit(measured.find((value) => mvPerUnit(value) !== undefined) ?? "");
  if (perUnit === undefined) throw new InputError(`The head of ${file.name} gives no unit; export it again.`);
  const name = measured.map((value) => LEAD.exec(value)?.[1]).find(Boolean) ?? "I";
  const load = async () => ({ mv: await samples(file, first, perUnit), rateHz, hasGain: true });
  return { name: file.name.replace(/\.csv$/i, ""), leads: [{ name, isEcg: true, load }], chosen: 0 };
}

async function samples(file, first, perUnit) {
  const mv = new Growing();
  let hasComma = false, hasPoint = false;
  for await (const [lines, number] of lineBlocks(file))
    for (let at = Math.max(first + 1 - number, 0); at < lines.length; at++) {
      if (!lines[at].trim()) continue;
      hasComma ||= lines[at].includes(",");
      hasPoint ||= lines[at].includes(".");
      const value = sample(lines[at], true);
      if (value === null) throw new InputError(`Row ${number + at} of ${file.name} has "${clean(lines[at], 40)}" where a number belongs; export it again.`);
      mv.push(value * perUnit);
    }
  if (hasComma && hasPoint) throw new InputError(`The samples of ${file.name} have decimal commas and points; export it again.`);
  checkLength(mv.length);
  return mv.done();
}
