// The instrument: the loop that reads on and draws, and what a person does on the paper.
//
// `page` opens files on it, `live_page` listens to a server.

import { AlertLog } from "./alert_log.mjs";
import { Baseline } from "./baseline.mjs";
import { readColours } from "./canvas.mjs";
import { showFigures } from "./figures.mjs";
import { Overview } from "./overview.mjs";
import { InputError } from "./record.mjs";
import { drawTachogram } from "./tachogram.mjs";
import { drawTrace } from "./trace.mjs";
import { View } from "./view.mjs";

const LONGEST_S = 1.2; // that a page which slept reads at once
const FIGURES_MS = 125; // between two updates of what is not the trace, and ten times what one took

export class Instrument {
  /** `$` gives an element by its id; who derives from it says `read`, `describe` and `showState`, and calls `loop`. */
  constructor($, facts) {
    Object.assign(this, { $, facts });
    this.view = new View();
    this.session = null;
    this.baseline = null;
    this.isPaused = false;
    this.overview = new Overview($("overview"));
    this.log = new AlertLog($("alerts"), $("no-alerts"), $("aloud"), (seconds) => this.show(seconds));
    this.log.begin();
    this.figuresAt = -Infinity;
    this.figuresEveryMs = FIGURES_MS;
    this.drawnAt = performance.now();
    this.loop = this.loop.bind(this);
    document.addEventListener("visibilitychange", () => this.schedule());
  }

  /** Another recording or stream is on the paper. */
  beginSession(session) {
    this.session = session;
    this.baseline = new Baseline(session);
    this.view.rest();
    this.overview.begin(session);
    this.log.begin((seconds) => session.label(seconds));
    this.isPaused = false;
    this.isFirstTrace = true;
    this.drawnAt = performance.now();
    this.figuresAt = -Infinity;
    this.describe();
  }

  /** One sentence on the page; what was open stays open. */
  problem(error) {
    const { $ } = this;
    $("problem").hidden = error === null;
    if (error === null) return;
    $("problem").textContent = error instanceof InputError ? error.message : `The page stumbled (${error?.message ?? error}); reload it, and report this with the source's format.`;
  }

  // ---- reading and drawing -----------------------------------------------------------------

  loop() {
    const now = performance.now(), elapsedS = Math.min((now - this.drawnAt) / 1000, LONGEST_S);
    this.drawnAt = now;
    try {
      if (this.isRunning) this.read(elapsedS, now);
      if (!document.hidden) this.draw(now);
    } catch (error) {
      this.isPaused = true;
      this.problem(error);
    }
    this.schedule();
  }

  /** With the screen's pictures; by a clock where the page can't be seen. */
  schedule() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    if (document.hidden) this.timer = setTimeout(this.loop, 100);
    else this.frame = requestAnimationFrame(this.loop);
  }

  pulse() {
    if (this.view.turnsPages || document.hidden) return;
    this.$("heart").animate([{ transform: "scale(1.3)" }, { transform: "scale(1)" }], 280);
  }

  draw(now) {
    const { session, view } = this;
    drawTrace(this.$("trace"), session, view, this.baseline);
    if (session && this.isFirstTrace && session.read > 1) {
      performance.mark("leadone-first-trace");
      this.isFirstTrace = false;
    }
    if (session) document.dispatchEvent(new CustomEvent("leadone-drawn", { detail: session.positionS })); // for benchmarks
    if (now - this.figuresAt < this.figuresEveryMs) return;
    this.figuresAt = now;
    this.overview.draw(view);
    drawTachogram(this.$("tachogram"), session);
    showFigures(this.$, session, Math.min(session?.positionS ?? 0, view.startS + view.spanS), this.facts);
    this.showState();
    this.figuresEveryMs = Math.max(FIGURES_MS, 10 * (performance.now() - now));
    document.dispatchEvent(new CustomEvent("leadone-figures")); // for tests
  }

  // ---- controls ----------------------------------------------------------------------------

  moveTo(startS) {
    if (!this.session) return;
    this.view.moveTo(startS, this.session.positionS, this.session.isFinished);
    this.figuresAt = -Infinity;
  }

  /** Bring a second onto the paper. */
  show(seconds) {
    this.moveTo(seconds - 1);
    this.$("trace").scrollIntoView({ behavior: this.view.turnsPages ? "auto" : "smooth", block: "center" });
  }

  follow() {
    this.view.follows = true;
    this.figuresAt = -Infinity;
  }

  /** The paper's scale; the time in its middle stays. */
  rescale(mmPerS, mmPerMv) {
    const middle = this.view.startS + this.view.spanS / 2;
    Object.assign(this.view, { mmPerS, mmPerMv });
    if (!this.view.follows) this.moveTo(middle - this.view.spanS / 2);
  }

  recolour() {
    readColours();
    this.figuresAt = -Infinity;
  }

  /** For fingers, mouse and keys. */
  get actions() {
    return { moveTo: (startS) => this.moveTo(startS), pause: () => this.pause() };
  }

  /** The scale's choices, what the system asks for, and faults. */
  listenToPage() {
    const { $ } = this, rescale = () => this.rescale(Number($("paper-speed").value), Number($("gain").value));
    $("paper-speed").addEventListener("change", rescale);
    $("gain").addEventListener("change", rescale);
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.view.turnsPages = calm.matches;
    calm.addEventListener("change", () => { this.view.turnsPages = calm.matches; });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    window.addEventListener("error", (event) => this.problem(event.error ?? event.message));
    window.addEventListener("unhandledrejection", (event) => this.problem(event.reason));
    $("problem").hidden = true;
  }
}
