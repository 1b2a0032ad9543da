// All that was told of one lead, and when its samples were: what every drawing looks at.
//
// A session of a file reads on through the core (session.mjs), one of a device hears from a server (live_session.mjs).

import { clock } from "./canvas.mjs";

export class Told {
  /** `facts` say which alerts are trends of minutes. */
  constructor(facts, leadName) {
    this.leadName = leadName;
    this.slowTrends = new Set(facts.slow_trends);
    this.beats = [];
    this.rhythms = [];
    this.alerts = [];
    this.quality = [];
    this.episodes = []; // alerts with when they ended, one an episode
    this.signalNow = null; // the quality that is going on, where it is known before it ends
    this.isFinished = false;
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

  /** The episodes that are shaded: trends of minutes would shade all there is. */
  get shaded() {
    return this.episodes.filter(({ kind }) => !this.slowTrends.has(kind));
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

  /** How many beats of each class were told before beat `upTo`. */
  counts(upTo) {
    const counts = { N: 0, S: 0, V: 0, Q: 0 };
    for (let k = 0; k < upTo; k++) counts[this.beats[k].label]++;
    return counts;
  }

  /** What is known of the quality: the stretches, the last of them maybe not over. */
  get judged() {
    return this.signalNow ? [...this.quality, this.signalNow] : this.quality;
  }

  /** The oldest second that can be shown. */
  get originS() {
    return 0;
  }

  /** A time as the paper says it. */
  label(seconds, digits = 0) {
    return clock(seconds, digits);
  }
}
