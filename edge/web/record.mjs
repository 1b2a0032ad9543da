// A recording: leads that are read when they are asked for, so that one lead alone lies in memory.
//
// recording: { name, leads: [{ name, isEcg, load }], chosen }; `load()` promises
// { mv: Float32Array (NaN where missing), rateHz, hasGain }.

/** What is wrong with a file, in one sentence that names the way out. */
export class InputError extends Error {}

/** The file leaves open what only a person can say: `asks` names "rate", "unit" or both. */
export class NeedsAnswer extends InputError {
  constructor(sentence, asks) {
    super(sentence);
    this.asks = asks;
  }
}

const MIN_RATE_HZ = 50, MAX_RATE_HZ = 20000;
export const MOST_SAMPLES = 1 << 26; // two days at 360 Hz, 268 MB

export function checkRate(rateHz) {
  if (!(rateHz >= MIN_RATE_HZ && rateHz <= MAX_RATE_HZ))
    throw new InputError(`Sampling rate ${Number(rateHz).toPrecision(4)} Hz is outside 50 to 20000 Hz; check the file's rate.`);
  return rateHz;
}

export function checkLength(samples) {
  if (samples > MOST_SAMPLES)
    throw new InputError(`It has ${samples} samples, more than the ${MOST_SAMPLES} that fit on this page; split it.`);
  if (samples === 0) throw new InputError("The recording is empty (0 samples); export or download it again.");
  return samples;
}

/** Numbers that come one by one, as an array that grows. */
export class Growing {
  constructor(Type = Float32Array) {
    this.Type = Type;
    this.values = new Type(1 << 15);
    this.length = 0;
  }

  push(value) {
    if (this.length === this.values.length) {
      checkLength(this.length + 1);
      const larger = new this.Type(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  done() {
    return this.values.slice(0, this.length);
  }
}
