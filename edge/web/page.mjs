// Files on the instrument: what is open, how fast it is read, and what each control does.

import { clock } from "./canvas.mjs";
import { Stream } from "./core.mjs";
import { Instrument } from "./instrument.mjs";
import { openFiles } from "./open.mjs";
import { NeedsAnswer } from "./record.mjs";
import { save } from "./save.mjs";
import { Session } from "./session.mjs";

const WORK_MS = 14, HIDDEN_WORK_MS = 80; // of reading between two pictures
const CALM_SPEED = 10; // above which alerts are not read aloud

export class Page extends Instrument {
  /** `module` promises the compiled core. */
  constructor($, module, facts) {
    super($, facts);
    this.module = module;
    this.speed = 1;
    this.opening = 0; // the latest of several that were opened at once counts
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
      this.beginSession(new Session(recording, lead, signal, stream));
    } catch (error) {
      if (turn === this.opening) this.problem(error);
      return;
    }
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

  problem(error) {
    super.problem(error);
    if (error !== null) this.describeOpen();
  }

  /** What is still open after another file was not. */
  describeOpen() {
    if (this.session) this.describe();
    else this.$("about").textContent = "Open another file, or watch the demo.";
  }

  // ---- reading -----------------------------------------------------------------------------

  get isRunning() {
    return this.session !== null && !this.isPaused && !this.session.isFinished;
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

  showState() {
    const { $, session } = this, isOver = session?.isFinished ?? false;
    $("pause").disabled = session === null;
    $("pause").textContent = isOver ? "Again" : this.isPaused ? "Go on" : "Pause";
    $("live").hidden = session === null || isOver || this.view.follows;
    $("time").textContent = session ? `${clock(session.positionS)} / ${clock(session.durationS)}` : "";
  }

  pause() {
    if (!this.session) return;
    if (this.session.isFinished) this.begin(this.session.recording, this.session.lead);
    else this.isPaused = !this.isPaused;
    this.figuresAt = -Infinity;
  }

  save() {
    if (this.session) save(this.session, this.facts);
  }
}
