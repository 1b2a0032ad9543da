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
  const text = kind.replaceAll("_", " ").replace(/\baf\b/, "AF").replace(/^pr\b/, "PR").replace(/^qtc/, "QTc");
  return text === "AF suspected" ? "Suspected AF" : text.charAt(0).toUpperCase() + text.slice(1);
}
