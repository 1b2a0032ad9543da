// The alerts with their times, the latest on top; a new one is also said aloud.

import { clock } from "./canvas.mjs";
import { alertName } from "./names.mjs";

const MOST_ROWS = 500;

export class AlertLog {
  /** `jump` is called with the second that a person wants to see. */
  constructor(list, empty, aloud, jump) {
    Object.assign(this, { list, empty, aloud, jump });
  }

  /** Nothing told yet; `label` writes a time. */
  begin(label = clock) {
    this.label = label;
    this.list.replaceChildren();
    this.rows = new Map();
    this.aloud.textContent = "";
    this.empty.hidden = false;
  }

  /** Take an alert event; `isCalm` where events come slowly enough to be read aloud. */
  show(alert, isCalm) {
    const key = `${alert.kind} ${alert.start_s}`;
    if (!this.rows.has(key)) this.rows.set(key, this.row(alert));
    if (this.rows.size > MOST_ROWS) this.letGo();
    const row = this.rows.get(key), isOpen = alert.end_s === null;
    row.classList.toggle("open", isOpen);
    row.lastChild.textContent = isOpen ? "going on" : lasted(alert.end_s - alert.start_s);
    if (isCalm) this.aloud.textContent = isOpen ? `${alertName(alert.kind)} since ${this.label(alert.start_s)}: ${alert.text}` : `${alertName(alert.kind)} ended at ${this.label(alert.end_s)}`;
    this.empty.hidden = true;
  }

  letGo() {
    const [key, oldest] = this.rows.entries().next().value;
    oldest.remove();
    this.rows.delete(key);
  }

  row(alert) {
    const row = document.createElement("li"), button = make("button", this.label(alert.start_s)), what = make("div");
    button.type = "button";
    button.setAttribute("aria-label", `Show ${this.label(alert.start_s)}`);
    button.addEventListener("click", () => this.jump(alert.start_s));
    what.append(make("strong", alertName(alert.kind)), make("span", alert.text));
    row.append(button, what, make("em"));
    this.list.prepend(row);
    return row;
  }
}

function make(tag, text = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

const lasted = (seconds) => (seconds < 9.95 ? `${seconds.toFixed(1)} s` : seconds < 60 ? `${Math.round(seconds)} s` : `${clock(seconds)} min`);
