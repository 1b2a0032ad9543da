// A stream on the instrument: what the server says, how it is, what is alarming, and the strip as a file.

import { Instrument } from "./instrument.mjs";
import { Link } from "./link.mjs";
import { LiveSession } from "./live_session.mjs";
import { alertName, alertRank, RHYTHMS } from "./names.mjs";
import { saveStrip } from "./strip.mjs";

const FRESH_S = 4; // a beat told later than this after its R peak moves no heart
const SOURCES = { waiting: "Waiting for data", running: "Live", silent: "No data", ended: "Ended", broken: "Broken off", lost: "No connection" };

export class LivePage extends Instrument {
  constructor($, facts) {
    super($, facts);
    this.isLinked = null; // not yet
    this.source = { state: "waiting", text: "" };
    this.link = new Link({
      take: (message) => this.take(message),
      place: () => this.session?.next ?? { samples: 0, events: 0 },
      change: (isLinked) => this.changeLink(isLinked),
    });
    this.showSource();
    this.loop();
  }

  // ---- what the server says ----------------------------------------------------------------

  take(message) {
    if (message instanceof ArrayBuffer) this.session.takeSamples(message, performance.now() / 1000);
    else if (message.hello && !this.session) this.beginSession(new LiveSession(message.hello, this.facts));
    else if (message.events) this.takeEvents(message);
    else if ("signal" in message) this.session.signalNow = message.signal;
    else if (message.source) this.source = message.source;
    else return;
    if (message.hello || message.source) this.showSource();
  }

  takeEvents({ events, next }) {
    const { session } = this;
    for (const event of events) {
      session.keep(event);
      if (event.event === "alert") this.log.show(event, session.isCaughtUp);
      if (event.event === "beat" && session.penS - event.r_s < FRESH_S) this.pulse();
    }
    session.next.events = next;
  }

  changeLink(isLinked) {
    this.isLinked = isLinked;
    this.showSource();
  }

  // ---- how it is ---------------------------------------------------------------------------

  describe() {
    const { name, leadName, rateHz, hasGain } = this.session;
    const about = [`lead ${leadName}`, `${Math.round(1000 * rateHz) / 1000} Hz`];
    if (!hasGain) about.push("the source gives no gain: millivolts are a guess");
    this.$("name").textContent = name;
    this.$("about").textContent = about.join(" · ");
    for (const id of ["pause", "png", "pdf"]) this.$(id).disabled = false;
    document.title = `${name} · leadone live`;
  }

  showSource() {
    const { $, session, source, isLinked } = this, state = isLinked === null ? "waiting" : isLinked ? source.state : "lost";
    if (session) Object.assign(session, { source, isLinked });
    if ($("state").textContent !== SOURCES[state]) $("state").textContent = SOURCES[state];
    $("state").className = `state ${state}`;
    const sentence = this.sentence(state);
    $("problem").hidden = !sentence;
    if (sentence) $("problem").textContent = sentence;
    this.figuresAt = -Infinity;
  }

  sentence(state) {
    if (state === "lost") return "leadone live does not answer; trying again. Is it still running, and is this device still on its network?";
    if (state === "silent") return "The source sends nothing: what stands on the paper is not of now.";
    if (state === "broken") return `The source broke off: ${this.source.text}. What came before it stays here.`;
    return "";
  }

  get isRunning() {
    return this.session !== null;
  }

  read(elapsedS, now) {
    this.session.advance(now / 1000, elapsedS);
    this.view.leastS = this.session.originS;
  }

  showState() {
    const { $, session, view } = this;
    if (!session) return;
    $("pause").textContent = view.follows ? "Pause" : "Go on";
    $("live").hidden = view.follows || session.isFinished;
    $("time").textContent = session.label(Math.min(view.startS + view.spanS, session.positionS));
    this.showAlarms(session.episodes.filter((one) => one.end_s === null));
  }

  /** What is going on now, the gravest first; a tap shows where it began. */
  showAlarms(open) {
    const { $ } = this, key = open.map((one) => `${one.kind} ${one.start_s}`).join();
    if (key === this.alarms) return;
    this.alarms = key;
    open.sort((a, b) => alertRank(a.kind) - alertRank(b.kind));
    $("alarms").hidden = !open.length;
    $("alarms").replaceChildren(...open.map((one) => this.alarm(one)));
  }

  alarm({ kind, start_s, text }) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = ["grave", "warning", "technical"][alertRank(kind)];
    for (const [tag, words] of [["strong", alertName(kind)], ["span", text], ["em", `since ${this.session.label(start_s)}`]]) {
      const part = document.createElement(tag);
      part.textContent = words;
      button.append(part, " ");
    }
    button.addEventListener("click", () => this.show(start_s));
    return button;
  }

  // ---- controls ----------------------------------------------------------------------------

  /** The paper stands still; the stream goes on and is kept. */
  pause() {
    if (!this.session) return;
    this.view.follows = !this.view.follows;
    this.figuresAt = -Infinity;
  }

  /** The figures of the moment, for those who do not see them. */
  sayFigures() {
    const { $, session } = this;
    if (!session) return;
    const rate = $("rate").textContent === "–" ? "Heart rate not known" : `Heart rate ${$("rate").textContent} per minute`;
    const rhythm = Object.values(RHYTHMS).includes($("rhythm").textContent) ? `rhythm ${$("rhythm").textContent}` : "rhythm not told yet";
    const open = session.episodes.filter((one) => one.end_s === null).map((one) => alertName(one.kind));
    $("aloud").textContent = `${$("state").textContent}. ${rate}, ${rhythm}, signal ${$("signal").textContent} ${$("signal-note").textContent}. ${open.length ? "Alerts: " + open.join(", ") : "No alert"}.`;
  }

  saveStrip(kind) {
    if (this.session) saveStrip(kind, this);
  }
}
