// A recording on its way through the core: how far it was read, and all that was told.

const CHUNK_S = 0.1;

export class Session {
  /** `signal` is what a lead's `load` gives. */
  constructor(recording, lead, signal, stream) {
    Object.assign(this, { recording, lead, stream }, signal);
    this.durationS = this.mv.length / this.rateHz;
    this.beats = [];
    this.rhythms = [];
    this.alerts = [];
    this.quality = [];
    this.episodes = []; // alerts with when they ended, one an episode
    this.read = 0; // samples
    this.owed = 0;
    this.isFinished = false;
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

  keep(event) {
    if (event.event === "beat") this.beats.push(event);
    else if (event.event === "rhythm") this.rhythms.push(event);
    else if (event.event === "quality") this.quality.push(event);
    else this.keepAlert(event);
  }

  keepAlert(alert) {
    this.alerts.push(alert);
    const begun = this.episodes.findLast((one) => one.kind === alert.kind && one.start_s === alert.start_s);
    if (begun) begun.end_s = alert.end_s;
    else this.episodes.push({ ...alert });
  }

  /** Index of the first beat at or after a time. */
  beatFrom(seconds) {
    let low = 0, high = this.beats.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.beats[middle].r_s < seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
