/* See alerts.h. */
#include "alerts.h"

static const double max_rr_s = 3.0; /* a longer gap is a pause or lost signal, not a rhythm */

enum { SLOW, FAST };

const leadone_limits lo_default_limits = {
    .bradycardia_on_bpm = 50.0,
    .bradycardia_off_bpm = 55.0,
    .tachycardia_on_bpm = 100.0,
    .tachycardia_off_bpm = 95.0,
    .rate_hold_s = 10.0,
    .pause_s = 3.0,
    .af_on = 0.7,
    .af_off = 0.4,
    .lead_off_s = 3.0,
    .rate_beats = 8,
};

void lo_alerts_init(lo_alerts *alerts, const leadone_limits *limits) {
  *alerts = (lo_alerts){.limits = limits};
}

static bool is_open(const lo_alerts *alerts, leadone_alert_kind kind) {
  return alerts->open >> kind & 1u;
}

static void say(lo_alerts *alerts, leadone_alert_kind kind, double at_s, double end_s) {
  alerts->waiting[alerts->waiting_count++] = (leadone_alert){
      .at_s = at_s, .start_s = alerts->start_s[kind], .end_s = end_s, .kind = (int32_t)kind};
}

void lo_alerts_open(lo_alerts *alerts, leadone_alert_kind kind, double start_s, double at_s) {
  if (is_open(alerts, kind)) return;
  alerts->open = (uint8_t)(alerts->open | 1u << kind);
  alerts->start_s[kind] = start_s;
  say(alerts, kind, at_s, LEADONE_ABSENT);
}

void lo_alerts_close(lo_alerts *alerts, leadone_alert_kind kind, double end_s, double at_s) {
  if (!is_open(alerts, kind)) return;
  alerts->open = (uint8_t)(alerts->open & ~(1u << kind));
  say(alerts, kind, at_s, end_s);
}

bool lo_alerts_first_open(const lo_alerts *alerts, leadone_alert_kind *kind) {
  bool found = false;
  for (int32_t k = 0; k < LEADONE_ALERTS; ++k) {
    if (!is_open(alerts, (leadone_alert_kind)k)) continue;
    if (!found || alerts->start_s[k] < alerts->start_s[*kind]) *kind = (leadone_alert_kind)k;
    found = true;
  }
  return found;
}

static void rule(lo_alerts *alerts, int32_t which, bool begins, bool ends) {
  const leadone_alert_kind kind = which == SLOW ? LEADONE_BRADYCARDIA : LEADONE_TACHYCARDIA;
  const double now = alerts->r_s[alerts->r_count - 1];
  lo_since *since = &alerts->since[which];
  if (ends) {
    since->is_set = false;
    lo_alerts_close(alerts, kind, now, now);
  } else if (begins) {
    if (!since->is_set) *since = (lo_since){alerts->r_s[0], now, true};
    if (now - since->crossed_s >= alerts->limits->rate_hold_s) {
      lo_alerts_open(alerts, kind, since->start_s, now);
    }
  } else if (!is_open(alerts, kind)) {
    since->is_set = false;
  }
}

void lo_rate_beat(lo_alerts *alerts, double r_s) {
  const leadone_limits *limits = alerts->limits;
  if (alerts->r_count && r_s - alerts->r_s[alerts->r_count - 1] > max_rr_s) lo_rate_forget(alerts);
  if (alerts->r_count == limits->rate_beats + 1) {
    alerts->r_count -= 1;
    __builtin_memmove(alerts->r_s, alerts->r_s + 1, alerts->r_count * sizeof *alerts->r_s);
  }
  alerts->r_s[alerts->r_count++] = r_s;
  if (alerts->r_count <= limits->rate_beats) return;
  const double bpm = 60.0 * limits->rate_beats / (r_s - alerts->r_s[0]);
  rule(alerts, SLOW, bpm < limits->bradycardia_on_bpm, bpm > limits->bradycardia_off_bpm);
  rule(alerts, FAST, bpm > limits->tachycardia_on_bpm, bpm < limits->tachycardia_off_bpm);
}

void lo_rate_forget(lo_alerts *alerts) {
  alerts->r_count = 0;
  alerts->since[SLOW].is_set = alerts->since[FAST].is_set = false;
}

void lo_rate_lose(lo_alerts *alerts, double at_s) {
  const double end_s = alerts->r_count ? alerts->r_s[alerts->r_count - 1] : at_s;
  lo_rate_forget(alerts);
  lo_alerts_close(alerts, LEADONE_BRADYCARDIA, end_s, at_s);
  lo_alerts_close(alerts, LEADONE_TACHYCARDIA, end_s, at_s);
}

void lo_af_alert(lo_alerts *alerts, const leadone_rhythm *rhythm) {
  const double probability = (double)rhythm->probabilities[LEADONE_AF];
  if (probability >= alerts->limits->af_on) {
    lo_alerts_open(alerts, LEADONE_AF_SUSPECTED, rhythm->start_s, rhythm->end_s);
  } else if (probability < alerts->limits->af_off) {
    lo_alerts_close(alerts, LEADONE_AF_SUSPECTED, rhythm->end_s, rhythm->end_s);
  }
}

bool lo_alerts_take(lo_alerts *alerts, leadone_alert *alert) {
  if (alerts->waiting_count == 0) return false;
  *alert = alerts->waiting[0];
  alerts->waiting_count -= 1;
  __builtin_memmove(alerts->waiting, alerts->waiting + 1,
                    alerts->waiting_count * sizeof *alerts->waiting);
  return true;
}
