// What codes mean, in words.

export const RHYTHMS = { normal: "Normal", af: "Suspected AF", other: "Other", noise: "Unreadable" };

export const FINDINGS = {
  AFIB: "Atrial fibrillation",
  PVC: "Ventricular premature beats",
  STACH: "Sinus tachycardia",
  SBRAD: "Sinus bradycardia",
  "1AVB": "First-degree AV block",
  IRBBB: "Incomplete right bundle branch block",
  CRBBB: "Right bundle branch block",
  CLBBB: "Left bundle branch block",
  PAC: "Atrial premature beats",
  LAFB: "Left anterior fascicular block",
};

/** A kind of alert as the beginning of a sentence. */
export function alertName(kind) {
  const text = kind.replaceAll("_", " ").replace(/\baf\b/, "AF");
  return text === "AF suspected" ? "Suspected AF" : text.charAt(0).toUpperCase() + text.slice(1);
}

const GRAVE = ["pause", "ventricular_run", "vt", "asystole"], TECHNICAL = ["lead_off", "reversed_hands", "noise"];

/** 0 for what can't wait, 1 for what should be seen, 2 for what the wearer can mend (as IEC 60601-1-8 ranks alarms). */
export function alertRank(kind) {
  return GRAVE.some((word) => kind.startsWith(word)) ? 0 : TECHNICAL.some((word) => kind.startsWith(word)) ? 2 : 1;
}
