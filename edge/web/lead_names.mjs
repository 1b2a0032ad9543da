// Lead names: which name means which lead, and which channels are no ECG at all. Twin of edge/lead_names.py.

const LEAD_WORDS = /^(?:mdc)?(?:ecg|ekg)?(lead|ableitung|elecpotl)?(.+)$/;
const DIGIT_LEADS = { 1: "i", 2: "ii", 3: "iii" };
const ECG_NAME =
  /^(?:(?:ecg|ekg)(?!.*resp)|(?:mdcecg|lead|ableitung)|-?(?:m?cl?|ml)?(?:i{1,3}|av[rlf]|v[1-9]?[rl]?)$|(?:mcl|cm|cc|cb)\d$|(?:es|as|ai)$)/;
const OTHER_NAME =
  /resp|pleth|ppg|spo2|sao2|^a?bp|^art|^cvp|^pap|^icp|^nbp|press|eda|gsr|emg|eog|eeg|acc|gyro|^mag[xyz]|temp|mark|event|trigger|annot|status|stim|co2|flow|thor|abdo|snor|scg|pcg|icg|imp|^hr$|pulse|motion|batt/;
const OTHER_UNIT = /mmhg|bpm|%|deg|celsius|siemens|^us$|ohm|^g$|m\/s|^l(\/min)?$|^pm$/;

const bare = (text) => text.replace(/[\s_\-.:]+/g, "");

/** A lead name without its spelling: "ECG I", "Lead 1", "MDC_ECG_LEAD_I" and "i" are all "i". */
export function leadKey(name) {
  const text = name.trim().toLowerCase();
  const match = LEAD_WORDS.exec(bare(text));
  if (!match) return text;
  let core = match[2];
  if (match[1]) core = DIGIT_LEADS[core] ?? core;
  if (/^d(i{1,3}|[123])$/.test(core)) core = DIGIT_LEADS[core.slice(1)] ?? core.slice(1);
  return (text.startsWith("-") ? "-" : "") + core;
}

/** A name that says ECG, in any of the usual spellings. */
export const isNamedEcg = (name) => ECG_NAME.test(plainName(name));

/** A name or unit that says pressure, breath, motion or the like, and not ECG. */
export const isOtherSignal = (name, unit) =>
  (OTHER_NAME.test(plainName(name)) || OTHER_UNIT.test(unit)) && !isNamedEcg(name);

/** Which lead to show first: lead I in any spelling, else the first named ECG, else the first that may be one; or -1. */
export function firstLead(names, units) {
  const lead = names.findIndex((name) => leadKey(name) === "i");
  if (lead >= 0) return lead;
  const candidates = names.map((_, at) => at).filter((at) => !isOtherSignal(names[at], units[at]));
  return candidates.find((at) => isNamedEcg(names[at])) ?? candidates[0] ?? -1;
}

function plainName(name) {
  const text = name.trim().toLowerCase();
  return (text.startsWith("-") ? "-" : "") + bare(text);
}
