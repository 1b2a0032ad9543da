// Where the paper's middle lies: electrode offset and wander are followed, and no wave is bent by it.

import { median } from "./intervals.mjs";

const AROUND = 3; // seconds on either side

export class Baseline {
  constructor(mv, rateHz) {
    Object.assign(this, { mv, rateHz });
    this.knots = new Map(); // median of each second, when it is asked for
  }

  /** In mV, sliding smoothly with the time. */
  at(seconds) {
    const centre = seconds - 0.5, k = Math.floor(centre);
    const before = this.around(k), after = this.around(k + 1);
    return before + (after - before) * (centre - k);
  }

  around(k) {
    const near = [];
    for (let j = k - AROUND; j <= k + AROUND; j++) if (!Number.isNaN(this.knot(j))) near.push(this.knot(j));
    return median(near) ?? 0;
  }

  knot(k) {
    if (!this.knots.has(k)) {
      const part = [];
      const last = Math.min((k + 1) * this.rateHz, this.mv.length);
      for (let i = Math.max(Math.floor(k * this.rateHz), 0); i < last; i += 3) if (Number.isFinite(this.mv[i])) part.push(this.mv[i]);
      this.knots.set(k, median(part) ?? NaN);
    }
    return this.knots.get(k);
  }
}
