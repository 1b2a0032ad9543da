/* See rates.h. */
#include "rates.h"

enum { SLOW, FAST };

static void rule(lo_rates *rates, lo_episodes *episodes, int32_t which, bool begins, bool ends) {
  const leadone_alert_kind kind = which == SLOW ? LEADONE_BRADYCARDIA : LEADONE_TACHYCARDIA;
  const double now = rates->r_s[rates->count - 1];
  lo_since *since = &rates->since[which];
  if (ends) {
    since->is_set = false;
    lo_episodes_close(episodes, kind, now, now, LO_AS_THE_BEATS);
  } else if (begins) {
    if (!since->is_set) *since = (lo_since){rates->r_s[0], now, true};
    if (now - since->crossed_s >= episodes->limits->rate_hold_s) {
      lo_episodes_open(episodes, kind, since->start_s, now, LO_AS_THE_BEATS);
    }
  } else if (!lo_episodes_is_open(episodes, kind)) {
    since->is_set = false;
  }
}

static void start_over(lo_rates *rates) {
  rates->count = 0;
  rates->since[SLOW].is_set = rates->since[FAST].is_set = false;
}

void lo_rates_beat(lo_rates *rates, lo_episodes *episodes, double r_s) {
  const leadone_limits *limits = episodes->limits;
  if (r_s - rates->last_s > LO_MAX_RR_S) start_over(rates);
  rates->last_s = r_s;
  if (rates->count == limits->rate_beats + 1) {
    rates->count -= 1;
    __builtin_memmove(rates->r_s, rates->r_s + 1, rates->count * sizeof *rates->r_s);
  }
  rates->r_s[rates->count++] = r_s;
  if (rates->count <= limits->rate_beats) return;
  const double bpm = 60.0 * limits->rate_beats / (r_s - rates->r_s[0]);
  rule(rates, episodes, SLOW, bpm < limits->bradycardia_on_bpm, bpm > limits->bradycardia_off_bpm);
  rule(rates, episodes, FAST, bpm > limits->tachycardia_on_bpm, bpm < limits->tachycardia_off_bpm);
}

void lo_rates_forget(lo_rates *rates) { rates->count = 0; }

void lo_rates_lose(lo_rates *rates, lo_episodes *episodes, double at_s) {
  start_over(rates);
  lo_episodes_close(episodes, LEADONE_BRADYCARDIA, rates->last_s, at_s, LO_AS_THE_BEATS);
  lo_episodes_close(episodes, LEADONE_TACHYCARDIA, rates->last_s, at_s, LO_AS_THE_BEATS);
}
