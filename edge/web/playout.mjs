// When the pen shows what has come: evenly, though samples come in bursts, and as soon as that allows.
//
// A sample of second f that came at time a is in time for a pen that stands at speed * t - shift, if
// shift >= speed * a - f. The shift is the largest that the last seconds needed, but for hiccups: those let the
// pen wait, once, and not everything be late after them. The pen's own speed bends by a fifth to get where it
// should be, and where much is to be made good it jumps.

const WINDOW_S = 12;
const MARGIN_S = 0.008; // half a picture
const HICCUP_S = 0.12; // more than most seconds need
const BEND = 0.2;
const EASE_S = 0.5;
const JUMP_S = 0.8; // of time, not of signal
const MOST_S = 3; // that wait for the pen
const BACKLOG_S = 2; // a message as long as this was not live

export class Playout {
  /** `speed`: seconds of signal a second, null where it comes as fast as it can. */
  constructor(speed) {
    this.speed = speed;
    this.newestS = 0;
    this.penS = null;
    this.needs = []; // [second of the page's clock, largest need in it]
  }

  /** Samples of seconds `firstS` to `endS` came at `nowS` of the page's clock. */
  arrived(firstS, endS, nowS) {
    this.newestS = endS;
    if (this.speed === null) return;
    const isLive = endS - firstS < BACKLOG_S * this.speed;
    if (!isLive) this.needs = [];
    const need = this.speed * nowS - (isLive ? firstS : endS), second = Math.floor(nowS), last = this.needs.at(-1);
    if (last?.[0] === second) last[1] = Math.max(last[1], need);
    else this.needs.push([second, need]);
    while (this.needs[0][0] < second - WINDOW_S) this.needs.shift();
  }

  /** The second under the pen, `elapsedS` after it was asked for last. */
  at(nowS, elapsedS) {
    if (this.speed === null || !this.needs.length) return (this.penS = this.newestS);
    const target = this.speed * (nowS - MARGIN_S) - this.shift();
    const step = this.speed * elapsedS, off = target - ((this.penS ?? -Infinity) + step);
    const isFar = !(Math.abs(off) < JUMP_S * this.speed);
    const bend = Math.max(-BEND, Math.min(BEND, off / (EASE_S * this.speed)));
    const next = isFar && off > 0 ? target : this.penS + step * (1 + bend);
    const least = Math.max(this.penS ?? 0, this.newestS - MOST_S * this.speed); // a source faster than time
    return (this.penS = Math.min(Math.max(next, least), this.newestS));
  }

  shift() {
    const needs = this.needs.map(([, need]) => need).sort((a, b) => a - b), usual = needs[needs.length >> 1];
    return Math.min(needs.at(-1), usual + HICCUP_S * this.speed);
  }
}
