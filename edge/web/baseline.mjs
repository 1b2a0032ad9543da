// Where the paper's middle lies: electrode offset and wander are followed, and no wave is bent by it.

import { median } from "./intervals.mjs";

export class Baseline {
  constructor(session) {
    this.session = session;
    this.knots = new Map(); // median of each second, when it is asked for
  }

  /** In mV for a view, sliding smoothly with it. */
  of(view) {
    const { atS, aroundS } = this.session.steadyBy(view), k = Math.floor(atS - 0.5);
    const before = this.around(k, aroundS), after = this.around(k + 1, aroundS);
    return before + (after - before) * (atS - 0.5 - k);
  }

  around(k, seconds) {
    const near = [];
    for (let j = k - seconds; j <= k + seconds; j++) if (!Number.isNaN(this.knot(j))) near.push(this.knot(j));
    return median(near) ?? median(this.among(0, this.session.knownS)) ?? 0;
  }

  knot(k) {
    if (k + 1 > this.session.knownS) return NaN;
    if (!this.knots.has(k)) this.knots.set(k, median(this.among(k, k + 1)) ?? NaN);
    return this.knots.get(k);
  }

  /** Every third sample between two times. */
  among(fromS, toS) {
    const { session } = this, { mv } = session, part = [];
    const last = Math.min(session.sampleAt(toS), mv.length);
    for (let i = Math.max(session.sampleAt(fromS), 0); i < last; i += 3) if (Number.isFinite(mv[i])) part.push(mv[i]);
    return part;
  }
}
