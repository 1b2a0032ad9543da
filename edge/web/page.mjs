// The instrument: what is open, the loop that reads and draws, and what each control does.

import { AlertLog } from "./alert_log.mjs";
import { Baseline } from "./baseline.mjs";
import { clock, readColours } from "./canvas.mjs";
import { Stream } from "./core.mjs";
import { showFigures } from "./figures.mjs";
import { openFiles } from "./open.mjs";
import { Overview } from "./overview.mjs";
import { InputError, NeedsAnswer } from "./record.mjs";
import { save } from "./save.mjs";
import { Session } from "./session.mjs";
import { drawTachogram } from "./tachogram.mjs";
import { drawTrace } from "./trace.mjs";
import { View } from "./view.mjs";

const WORK_MS = 14, HIDDEN_WORK_MS = 80; // of reading between two pictures
const LONGEST_S = 1.2; // that a page which slept reads at once
const FIGURES_MS = 125; // between two updates of what is not the trace, and ten times what one took
const CALM_SPEED = 10; // above which alerts are not read aloud

export class Page {
  /** `$` gives an element by its id, `module` promises the compiled core. */
  constructor($, module, facts) {
    Object.assign(this, { $, module, facts });
    this.view = new View();
    this.session = null;
    this.baseline = null;
    this.speed = 1;
    this.isPaused = false;
    this.opening = 0; // the latest of several that were opened at once counts
    this.overview = new Overview($("overview"));
    this.log = new AlertLog($("alerts"), $("no-alerts"), $("aloud"), (seconds) => this.show(seconds));
    this.log.begin();
    this.figuresAt = -Infinity;
    this.figuresEveryMs = FIGURES_MS;
    this.drawnAt = performance.now();
    this.loop = this.loop.bind(this);
    document.addEventListener("visibilitychange", () => this.schedule());
    this.loop();
  }

  // ---- opening -----------------------------------------------------------------------------

  async open(files, answers) {
    const turn = ++this.opening;
    performance.mark("leadone-open");
    this.problem(null);
    this.$("ask").hidden = true;
    this.$("about").textContent = `Reading ${files.map((file) => file.name).join(", ").slice(0, 80)}…`;
    try {
      const recording = await openFiles(files, answers);
      if (turn === this.opening) await this.begin(recording, recording.leads[recording.chosen], turn);
    } catch (error) {
      if (turn !== this.opening) return;
      if (error instanceof NeedsAnswer) this.ask(error, files);
      else this.problem(error);
    }
  }

  /** Read one lead of a recording from its start. */
  async begin(recording, lead, turn = ++this.opening) {
    try {
      this.$("about").textContent = `Reading ${recording.name}…`;
      const signal = await lead.load();
      const stream = await Stream.begin(await this.module, signal.rateHz, lead.name, this.facts);
      if (turn !== this.opening) return;
      this.session = new Session(recording, lead, signal, stream);
    } catch (error) {
      if (turn === this.opening) this.problem(error);
      return;
    }
    this.baseline = new Baseline(this.session.mv, this.session.rateHz);
    this.view.rest();
    this.overview.begin(this.session);
    this.log.begin();
    this.isPaused = false;
    this.isFirstTrace = true;
    this.drawnAt = performance.now();
    this.figuresAt = -Infinity;
    this.describe();
    this.$("trace").focus({ preventScroll: true }); // where keys mean the paper
  }

  describe() {
    const { recording, lead, rateHz, durationS, hasGain } = this.session;
    this.$("name").textContent = recording.name;
    const about = [`lead ${lead.name}`, `${Math.round(1000 * rateHz) / 1000} Hz`, clock(durationS) + (durationS < 3600 ? " min" : " h")];
    if (!hasGain) about.push("the file gives no gain: millivolts are a guess");
    if (!lead.isEcg) about.push("its name does not say ECG");
    this.$("about").textContent = about.join(" · ");
    const choice = this.$("lead");
    choice.replaceChildren(...recording.leads.map((one, k) => new Option(one.name, k, false, one === lead)));
    this.$("lead-field").hidden = recording.leads.length < 2;
    this.$("save").disabled = false;
    this.showState();
  }

  ask(error, files) {
    const { $ } = this;
    this.describeOpen();
    $("ask-sentence").textContent = error.message;
    for (const name of ["rate", "unit"]) $(`ask-${name}-field`).hidden = !error.asks.includes(name);
    $("ask-rate").required = error.asks.includes("rate");
    $("ask").hidden = false;
    $("ask").onsubmit = (event) => {
      event.preventDefault();
      const answers = { unit: error.asks.includes("unit") ? $("ask-unit").value : undefined };
      if (error.asks.includes("rate")) answers.rateHz = Number($("ask-rate").value);
      this.open(files, answers);
    };
    $(error.asks.includes("rate") ? "ask-rate" : "ask-unit").focus();
  }

  /** One sentence on the page; what was open stays open. */
  problem(error) {
    const { $ } = this;
    $("problem").hidden = error === null;
    if (error === null) return;
    $("problem").textContent = error instanceof InputError ? error.message : `The page stumbled (${error?.message ?? error}); reload it, and report this with the file's format.`;
    this.describeOpen();
  }

  /** What is still open after another file was not. */
  describeOpen() {
    if (this.session) this.describe();
    else this.$("about").textContent = "Open another file, or watch the demo.";
  }

  // ---- reading and drawing -----------------------------------------------------------------

  get isRunning() {
    return this.session !== null && !this.isPaused && !this.session.isFinished;
  }

  loop() {
    const now = performance.now(), elapsedS = Math.min((now - this.drawnAt) / 1000, LONGEST_S);
    this.drawnAt = now;
    try {
      if (this.isRunning) this.read(elapsedS);
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

  read(elapsedS) {
    const seconds = this.speed === Infinity ? Infinity : elapsedS * this.speed;
    const told = this.session.advance(seconds, document.hidden ? HIDDEN_WORK_MS : WORK_MS);
    for (const event of told) {
      if (event.event === "alert") this.log.show(event, this.speed <= CALM_SPEED);
      if (event.event === "beat" && this.speed === 1) this.pulse();
    }
    if (this.session.isFinished) {
      performance.mark("leadone-finished");
      this.figuresAt = -Infinity;
    }
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
    if (now - this.figuresAt < this.figuresEveryMs) return;
    this.figuresAt = now;
    this.overview.draw(view);
    drawTachogram(this.$("tachogram"), session);
    showFigures(this.$, session, Math.min(session?.positionS ?? 0, view.startS + view.spanS), this.facts);
    this.showState();
    this.figuresEveryMs = Math.max(FIGURES_MS, 10 * (performance.now() - now));
  }

  showState() {
    const { $, session } = this, isOver = session?.isFinished ?? false;
    $("pause").disabled = session === null;
    $("pause").textContent = isOver ? "Again" : this.isPaused ? "Go on" : "Pause";
    $("live").hidden = session === null || isOver || this.view.follows;
    $("time").textContent = session ? `${clock(session.positionS)} / ${clock(session.durationS)}` : "";
  }

  // ---- controls ----------------------------------------------------------------------------

  pause() {
    if (!this.session) return;
    if (this.session.isFinished) this.begin(this.session.recording, this.session.lead);
    else this.isPaused = !this.isPaused;
    this.figuresAt = -Infinity;
  }

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

  save() {
    if (this.session) save(this.session, this.facts);
  }
}
