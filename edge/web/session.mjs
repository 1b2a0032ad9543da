// A recording on its way through the core, and how far it was read.

import { Told } from "./told.mjs";

const CHUNK_S = 0.1;

export class Session extends Told {
  /** `signal` is what a lead's `load` gives. */
  constructor(recording, lead, signal, stream) {
    super(stream.facts, lead.name);
    Object.assign(this, { recording, lead, stream }, signal);
    this.durationS = this.mv.length / this.rateHz;
    this.read = 0; // samples
    this.owed = 0;
  }

  secondsAt(sample) {
    return sample / this.rateHz;
  }

  /** The sample that a time falls into. */
  sampleAt(seconds) {
    return Math.floor(seconds * this.rateHz);
  }

  /** All of the file is there, read or not; the last second may be a part of one. */
  get knownS() {
    return Infinity;
  }

  /** Where the baseline of a view is taken, and how many seconds around count. */
  steadyBy(view) {
    return { atS: view.startS + view.spanS / 2, aroundS: 3 };
  }

  get positionS() {
    return this.read / this.rateHz;
  }

  /** Read on for `seconds` of signal (Infinity: as far as time allows), at most `budgetMs` long. */
  advance(seconds, budgetMs) {
    const until = performance.now() + budgetMs, told = [];
    const chunk = Math.max(1, Math.round(CHUNK_S * this.rateHz));
    this.owed = Math.min(this.owed, chunk) + seconds * this.rateHz; // a device too slow falls behind, and no further
    while (this.owed >= 1 && this.read < this.mv.length) {
      const count = Math.min(chunk, Math.floor(this.owed), this.mv.length - this.read);
      told.push(...this.stream.push(this.mv.subarray(this.read, this.read + count)));
      this.read += count;
      this.owed -= count;
      if (performance.now() >= until) break;
    }
    if (!Number.isFinite(this.owed)) this.owed = 0;
    if (this.read === this.mv.length && !this.isFinished) {
      told.push(...this.stream.finish());
      this.isFinished = true;
    }
    told.forEach((event) => this.keep(event));
    return told;
  }
}
