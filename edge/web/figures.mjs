// The figures of the moment: rate, rhythm, intervals, beats, signal, as they were at one time of the record.

import { heartRate, medianIntervals } from "./intervals.mjs";
import { leadKey } from "./lead_names.mjs";
import { FINDINGS, RHYTHMS } from "./names.mjs";

const RECENT_BEATS = 8;
const SILENT_S = 5; // after which the rate of old beats says nothing
const INTERVALS = ["pr", "qrs", "qt", "qtc"];

/** Write the figures into the page; `atS` is the time that they belong to. */
export function showFigures($, session, atS, facts) {
  const upTo = session ? session.beatFrom(atS + 1e-9) : 0;
  const recent = session ? session.beats.slice(Math.max(upTo - RECENT_BEATS, 0), upTo) : [];
  const isStale = (session?.isStale ?? false) && atS >= session.positionS;
  const isSilent = isStale || !recent.length || atS - recent.at(-1).r_s > SILENT_S;
  const judged = session?.judged ?? [];
  const rate = isSilent ? null : heartRate(recent, judged), intervals = medianIntervals(isSilent ? [] : recent, judged);
  set($("rate"), whole(rate));
  for (const name of INTERVALS) set($(name), whole(intervals[name]));
  showRhythm($, session, isStale ? undefined : session?.rhythms.findLast((one) => one.end_s <= atS + 5), facts);
  showBeats($, session, upTo);
  showSignal($, session, isStale);
}

function showRhythm($, session, rhythm, facts) {
  const probability = rhythm?.probabilities[rhythm.label];
  set($("rhythm"), rhythm && probability > 0 ? RHYTHMS[rhythm.label] : "–");
  set($("rhythm-note"), rhythm && probability > 0 ? `probability ${probability.toFixed(2)}, ${session.label(rhythm.start_s)} to ${session.label(rhythm.end_s)}` : "told from 30 s of signal");
  $("rhythm-card").classList.toggle("warn", rhythm?.label === "af");
  const found = facts.findings
    .filter(({ code }) => rhythm?.findings[code] !== undefined)
    .map(({ code, threshold, leads }) => ({ code, probability: rhythm.findings[code], isFound: rhythm.findings[code] >= threshold && (!leads || leads.includes(leadKey(session.leadName))) }))
    .sort((a, b) => b.isFound - a.isFound || b.probability - a.probability);
  showFindings($("findings"), found);
  set($("findings-note"), rhythm ? `${session.label(rhythm.start_s)} to ${session.label(rhythm.end_s)}: how likely a cardiologist would write it under this ECG; marked where it is above the model's threshold. Long PR and bundle branch blocks are marked on lead I alone; incomplete right bundle branch and left anterior fascicular block, which one lead hardly shows, never.` : "Told from 30 s of signal.");
}

function showFindings(list, found) {
  while (list.children.length > found.length) list.lastChild.remove();
  while (list.children.length < found.length) {
    const line = document.createElement("li");
    for (const tag of ["span", "i", "b"]) line.append(document.createElement(tag));
    list.append(line);
  }
  found.forEach(({ code, probability, isFound }, k) => {
    const [name, bar, figure] = list.children[k].children;
    list.children[k].classList.toggle("found", isFound);
    set(name, FINDINGS[code] ?? code);
    bar.style.setProperty("--share", `${100 * probability}%`);
    set(figure, probability.toFixed(2));
  });
}

function showBeats($, session, upTo) {
  const counts = session?.counts(upTo) ?? { N: 0, S: 0, V: 0, Q: 0 };
  set($("beats"), session ? String(Object.values(counts).reduce((sum, count) => sum + count)) : "–");
  set($("beats-note"), `${counts.N} N · ${counts.S} S · ${counts.V} V` + (counts.Q ? ` · ${counts.Q} Q` : ""));
}

function showSignal($, session, isStale) {
  const stretches = session?.judged ?? [], judged = (stretches.at(-1)?.end_s ?? 0) - (stretches[0]?.start_s ?? 0), now = isStale ? null : session?.signalNow;
  const isOff = now ? now.state === "lead_off" : session?.episodes.some((one) => one.kind === "lead_off" && one.end_s === null);
  const good = stretches.filter((one) => one.state === "good").reduce((sum, one) => sum + one.end_s - one.start_s, 0);
  const isNoisy = now?.state === "noisy";
  set($("signal"), isOff ? "No contact" : isNoisy ? "Noisy" : judged ? `${Math.floor((100 * good) / judged)} %` : "–");
  const reason = now?.reason && (now.state === "good" ? `good, ${now.reason}` : now.reason);
  set($("signal-note"), reason || (judged ? (session.isFinished ? "good" : `good, up to ${session.label(stretches.at(-1).end_s)}`) : "not told yet"));
  $("signal-card").classList.toggle("warn", Boolean(isOff || isNoisy));
}

const whole = (value) => (value === null ? "–" : String(Math.round(value)));

/** Only what changed: a reader aloud is not disturbed, and nothing is laid out anew. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
