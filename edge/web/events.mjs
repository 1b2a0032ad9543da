// The core's events: 248 bytes each, little-endian, as edge/core/leadone.h lays them out.
//
// Names and values are those of Python's events (edge/events.py), with the kind as `event`.

export const EVENT_BYTES = 248;
const MOST_BLOCKED = 6, MOST_FINDINGS = 16;
const BEAT = 1, RHYTHM = 2, ALERT = 3;

/** The event at byte `at`; `facts` hold the names of the enumerations' numbers. */
export function readEvent(view, at, facts) {
  const kind = view.getInt32(at, true);
  const real = (offset) => view.getFloat64(at + offset, true);
  const single = (offset) => view.getFloat32(at + offset, true);
  const whole = (offset) => view.getInt32(at + offset, true);
  const read = kind === BEAT ? beat : kind === RHYTHM ? rhythm : kind === ALERT ? alert : quality;
  return read(real, single, whole, facts);
}

const present = (seconds) => (seconds < 0 ? null : seconds);

function beat(real, single, whole, facts) {
  const blocked = Array.from({ length: whole(168) }, (_, k) => [real(64 + 16 * k), real(72 + 16 * k)]);
  return {
    event: "beat",
    r_s: real(8),
    qrs_on_s: real(16),
    qrs_off_s: real(24),
    p_on_s: present(real(32)),
    p_off_s: present(real(40)),
    t_on_s: present(real(48)),
    t_off_s: present(real(56)),
    label: facts.beats[whole(164)],
    confidence: single(160),
    blocked_p_s: blocked.slice(0, MOST_BLOCKED),
  };
}

function rhythm(real, single, whole, facts) {
  const named = (names, from) => Object.fromEntries(names.map((name, k) => [name, single(from + 4 * k)]));
  const from = 36 + 4 * facts.rhythms.length, codes = facts.findings.map(({ code }) => code);
  return {
    event: "rhythm",
    start_s: real(8),
    end_s: real(16),
    label: facts.rhythms[whole(24)],
    probabilities: named(facts.rhythms, 36),
    findings: named(codes.slice(0, whole(28)), from),
    evidence: Array.from({ length: whole(32) }, (_, k) => single(from + 4 * MOST_FINDINGS + 4 * k)),
  };
}

function alert(real, single, whole, facts) {
  const kind = facts.alerts[whole(32)];
  return {
    event: "alert",
    kind,
    at_s: real(8),
    start_s: real(16),
    text: facts.texts[kind],
    end_s: present(real(24)),
    confidence: single(40),
    rr_s: Array.from({ length: whole(36) }, (_, k) => single(44 + 4 * k)),
  };
}

function quality(real, single, whole, facts) {
  return { event: "quality", start_s: real(8), end_s: real(16), state: facts.states[whole(24)], reason: facts.reasons[whole(28)] };
}
