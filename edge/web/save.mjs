// All that was told as a JSON file on this device, in the words of `leadone analyze --json`, not rounded.

import { heartRate, medianIntervals } from "./intervals.mjs";
import { variability } from "./variability.mjs";

export function results(session, facts) {
  const bare = ({ event, ...values }) => values;
  return {
    record: session.recording.name,
    lead: session.lead.name,
    rate_hz: session.rateHz,
    duration_s: session.durationS,
    read_s: session.positionS,
    has_gain: session.hasGain,
    model: facts.model,
    beats: session.beats.map(bare),
    rhythms: session.rhythms.map(bare),
    alerts: session.alerts.map(bare),
    quality: session.quality.map(bare),
    intervals_ms: medianIntervals(session.beats, session.quality),
    heart_rate_bpm: heartRate(session.beats, session.quality),
    heart_rate_variability: variability(session.beats, session.quality, session.rhythms),
  };
}

export function save(session, facts) {
  const file = new Blob([JSON.stringify(results(session, facts), null, 1)], { type: "application/json" });
  keep(file, `${session.recording.name}-leadone.json`);
}

/** Offer a file under a name. */
export function keep(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
