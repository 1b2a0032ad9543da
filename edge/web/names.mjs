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

const ALERTS = {
  af_suspected: "Suspected AF",
  pr_long: "Long PR",
  qtc_long: "Long QTc",
  v_bigeminy: "Ventricular bigeminy",
  v_couplet: "Ventricular couplet",
  v_frequent: "Frequent ventricular beats",
  v_run: "Ventricular run",
};

/** A kind of alert as the beginning of a sentence. */
export function alertName(kind) {
  return ALERTS[kind] ?? (kind.charAt(0).toUpperCase() + kind.slice(1)).replaceAll("_", " ");
}

const GRAVE = ["pause", "v_run"], TECHNICAL = ["lead_off", "reversed_hands"];

/** 0 for what can't wait, 1 for what should be seen, 2 for what the wearer can mend (as IEC 60601-1-8 ranks alarms). */
export function alertRank(kind) {
  return GRAVE.includes(kind) ? 0 : TECHNICAL.includes(kind) ? 2 : 1;
}
