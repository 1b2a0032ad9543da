// A stream that a server sends: its latest hours, when each sample was, and how far the pen is.

import { clock } from "./canvas.mjs";
import { Playout } from "./playout.mjs";
import { Told } from "./told.mjs";

const HEAD_BYTES = 24; // number and second of the first sample, seconds a sample
const SAME_S = 1e-6;
const SPANS_S = [60, 120, 300, 600, 1200, 1800, 3600];
const LIVELY_S = 2; // a message as short as this is no backlog
const ROOM = 1.2; // what is kept is let go in parts of a fifth
const STEADY_S = 2.5;
const EPISODES = 2000;

export class LiveSession extends Told {
  /** `hello` is what the server says first, `facts` what the page knows of its bundle. */
  constructor(hello, facts) {
    super(facts, hello.lead);
    const { name, rate_hz: rateHz, has_gain: hasGain, keep_s: keepS, started_at_s: startedAtS } = hello;
    Object.assign(this, { name, rateHz, hasGain, keepS, startedAtS });
    this.gone = { N: 0, S: 0, V: 0, Q: 0, ...hello.gone }; // beats that are not kept any more
    this.mv = new Float32Array(1 << 16);
    this.received = 0;
    this.knots = []; // { sample, atS, periodS }: from a sample on, until the next
    this.next = { samples: 0, events: 0 }; // what to ask for after a lost connection
    this.playout = new Playout(hello.speed);
    this.read = 0; // samples up to the pen
    this.penS = 0;
    this.source = { state: "waiting", text: "" };
    this.signalNow = null;
    this.isLinked = true;
    this.isCaughtUp = false;
    this.spanS = SPANS_S[0];
  }

  // ---- what comes --------------------------------------------------------------------------

  /** A message of samples, at `nowS` of the page's clock. */
  takeSamples(buffer, nowS) {
    const [number, firstS, periodS] = new Float64Array(buffer, 0, 3), samples = new Float32Array(buffer, HEAD_BYTES);
    if (number < this.next.samples) return;
    const last = this.knots.at(-1);
    if (last && number > this.next.samples) { // the server kept no longer what this page had not taken
      this.knots.push({ sample: this.received, atS: this.endS, periodS: Math.max(firstS - this.endS, SAME_S) });
      this.append(Float32Array.of(NaN));
    }
    if (!last || Math.abs(firstS - this.endS) > SAME_S || periodS !== this.knots.at(-1).periodS)
      this.knots.push({ sample: this.received, atS: firstS, periodS });
    this.append(samples);
    this.next.samples = number + samples.length;
    this.playout.arrived(firstS, this.endS, nowS);
    if (samples.length < LIVELY_S * this.rateHz) this.isCaughtUp = true;
    this.widen();
  }

  append(samples) {
    const needed = this.received + samples.length;
    if (needed > this.mv.length) {
      const larger = new Float32Array(Math.max(2 * this.mv.length, needed));
      larger.set(this.mv);
      this.mv = larger;
    }
    this.mv.set(samples, this.received);
    this.received = needed;
    if (this.received > ROOM * this.keepS * this.rateHz) this.letGo(Math.ceil((ROOM - 1) * this.keepS * this.rateHz));
  }

  /** Forget the oldest samples, and what was told of them but alerts. */
  letGo(count) {
    this.mv.copyWithin(0, count, this.received);
    this.received -= count;
    this.read = Math.max(this.read - count, 0);
    const first = this.knots.findLastIndex(({ sample }) => sample <= count);
    this.knots = this.knots.slice(first).map(({ sample, atS, periodS }) => {
      const skipped = Math.max(count - sample, 0);
      return { sample: sample + skipped - count, atS: atS + skipped * periodS, periodS };
    });
    const { originS } = this, old = this.beatFrom(originS);
    for (const beat of this.beats.splice(0, old)) this.gone[beat.label]++;
    for (const name of ["rhythms", "quality"]) this[name] = this[name].filter((one) => one.end_s >= originS);
    this.episodes = this.episodes.slice(-EPISODES);
    this.alerts = this.alerts.slice(-EPISODES);
  }

  /** The overview's span: in steps, so that it is seldom drawn anew. */
  widen() {
    const heldS = this.endS - this.originS;
    if (heldS <= this.spanS) return;
    const step = SPANS_S.find((span) => span >= heldS) ?? 3600 * Math.ceil(heldS / 3600);
    this.spanS = Math.max(Math.min(step, ROOM * this.keepS), heldS);
  }

  // ---- the pen -----------------------------------------------------------------------------

  advance(nowS, elapsedS) {
    this.penS = Math.max(this.playout.at(nowS, elapsedS), this.penS);
    if (this.hasEnded && this.penS < this.endS) this.penS = Math.min(this.penS + 2 * elapsedS, this.endS);
    this.read = this.received && Math.min(this.sampleAt(this.penS) + 1, this.received);
    this.isFinished = this.hasEnded && this.penS >= this.endS;
  }

  get hasEnded() {
    return this.source.state === "ended" || this.source.state === "broken";
  }

  get isStale() {
    return !this.isLinked || this.source.state !== "running";
  }

  // ---- what drawings ask -------------------------------------------------------------------

  secondsAt(sample) {
    const { atS, periodS, sample: first } = this.knots[this.lastKnot((knot) => knot.sample <= sample)];
    return atS + (sample - first) * periodS;
  }

  /** The sample that a time falls into. */
  sampleAt(seconds) {
    if (!this.knots.length) return 0;
    const k = this.lastKnot((knot) => knot.atS <= seconds), { atS, periodS, sample } = this.knots[k];
    return Math.min(sample + Math.floor((seconds - atS) / periodS + 1e-6), (this.knots[k + 1]?.sample ?? Infinity) - 1);
  }

  /** Index of the last knot that is not after something, the first if all are. */
  lastKnot(isBefore) {
    let low = 0, high = this.knots.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (isBefore(this.knots[middle])) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  get endS() {
    return this.knots.length ? this.secondsAt(this.received) : 0;
  }

  get originS() {
    return this.knots[0]?.atS ?? 0;
  }

  get durationS() {
    return this.isFinished ? this.endS : this.originS + this.spanS;
  }

  get positionS() {
    return this.penS;
  }

  get knownS() {
    return this.penS;
  }

  /** By the paper's last seconds that are whole: what is new must not leave the paper. */
  steadyBy(view) {
    return { atS: Math.min(view.startS + view.spanS, this.penS) - STEADY_S, aroundS: 1 };
  }

  counts(upTo) {
    const counts = super.counts(upTo);
    for (const label of Object.keys(counts)) counts[label] += this.gone[label];
    return counts;
  }

  /** By the clock on the wall where it is known, else since the beginning. */
  label(seconds, digits = 0) {
    if (this.startedAtS === null) return clock(seconds, digits);
    const at = new Date(1000 * (this.startedAtS + seconds)), two = (value) => String(value).padStart(2, "0");
    const tenths = digits ? "." + Math.floor(at.getMilliseconds() / 100) : "";
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}${tenths}`;
  }
}
