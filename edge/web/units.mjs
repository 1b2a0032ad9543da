// Units of voltage and what they are in mV.

const MV_PER_UNIT = {
  mv: 1, millivolt: 1, millivolts: 1,
  uv: 1e-3, microvolt: 1e-3, microvolts: 1e-3,
  nv: 1e-6, nanovolt: 1e-6, nanovolts: 1e-6,
  v: 1e3, volt: 1e3, volts: 1e3,
};

/** mV in one `unit`, in any spelling (with either micro sign); else undefined. */
export function mvPerUnit(unit) {
  const plain = unit.trim().toLowerCase().replace(/[µμ]/, "u");
  return Object.hasOwn(MV_PER_UNIT, plain) ? MV_PER_UNIT[plain] : undefined;
}
