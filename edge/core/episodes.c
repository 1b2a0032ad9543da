/* See episodes.h. */
#include "episodes.h"

const leadone_limits lo_default_limits = {
    .bradycardia_on_bpm = 50.0,
    .bradycardia_off_bpm = 55.0,
    .tachycardia_on_bpm = 100.0,
    .tachycardia_off_bpm = 95.0,
    .rate_hold_s = 10.0,
    .pause_s = 3.0,
    .af_on = 0.8,
    .af_off = 0.4,
    .lead_off_s = 3.0,
    .pr_long_ms = 200.0,
    .qtc_long_ms = 500.0,
    .share_on = 0.8,
    .share_off = 0.4,
    .dropped_within_s = 60.0,
    .v_frequent_within_s = 60.0,
    .rate_beats = 8,
    .af_windows = 3,
    .v_frequent_beats = 6,
    .v_bigeminy_pairs = 3,
    .v_run_beats = 3,
    .refractory_s = {[LEADONE_DROPPED_BEATS] = 60.0f,
                     [LEADONE_PR_LONG] = 60.0f,
                     [LEADONE_QTC_LONG] = 60.0f,
                     [LEADONE_V_FREQUENT] = 60.0f},
};

bool lo_limits_hold(const leadone_limits *limits) {
  return limits->rate_beats >= 1 && limits->rate_beats <= LEADONE_MOST_RATE_BEATS &&
         limits->af_windows >= 1 && limits->v_frequent_beats >= 1 &&
         limits->v_frequent_beats <= LEADONE_MOST_FREQUENT_BEATS &&
         limits->v_bigeminy_pairs >= 2 && limits->v_run_beats >= 3;
}

void lo_episodes_init(lo_episodes *episodes, const leadone_limits *limits) {
  *episodes = (lo_episodes){.limits = limits};
}

bool lo_episodes_is_open(const lo_episodes *episodes, leadone_alert_kind kind) {
  return episodes->open >> kind & 1u;
}

static void say(lo_episodes *episodes, const lo_said *said) {
  if (episodes->waiting_count < LO_ALERTS_WAITING) {
    episodes->waiting[episodes->waiting_count++] = *said;
  }
}

void lo_episodes_open(lo_episodes *episodes, leadone_alert_kind kind, double start_s, double at_s,
                      float confidence) {
  double *since_s = &episodes->since_s[kind];
  if (lo_episodes_is_open(episodes, kind)) return;
  const double refractory_s = (double)episodes->limits->refractory_s[kind];
  if (episodes->ended >> kind & 1u && start_s - *since_s < refractory_s) return;
  episodes->open = (uint16_t)(episodes->open | 1u << kind);
  *since_s = start_s;
  say(episodes, &(lo_said){at_s, start_s, LEADONE_ABSENT, confidence, (int32_t)kind});
}

void lo_episodes_close(lo_episodes *episodes, leadone_alert_kind kind, double end_s, double at_s,
                       float confidence) {
  double *since_s = &episodes->since_s[kind];
  if (!lo_episodes_is_open(episodes, kind)) return;
  episodes->open = (uint16_t)(episodes->open & ~(1u << kind));
  episodes->ended = (uint16_t)(episodes->ended | 1u << kind);
  say(episodes, &(lo_said){at_s, *since_s, end_s, confidence, (int32_t)kind});
  *since_s = end_s;
}

bool lo_episodes_first_open(const lo_episodes *episodes, leadone_alert_kind *kind) {
  bool found = false;
  for (int32_t k = 0; k < LEADONE_ALERTS; ++k) {
    if (!lo_episodes_is_open(episodes, (leadone_alert_kind)k)) continue;
    if (!found || episodes->since_s[k] < episodes->since_s[*kind]) *kind = (leadone_alert_kind)k;
    found = true;
  }
  return found;
}

bool lo_episodes_take(lo_episodes *episodes, leadone_alert *alert) {
  if (episodes->waiting_count == 0) return false;
  const lo_said *said = episodes->waiting;
  alert->at_s = said->at_s;
  alert->start_s = said->start_s;
  alert->end_s = said->end_s;
  alert->confidence = said->confidence;
  alert->kind = said->kind;
  episodes->waiting_count -= 1;
  __builtin_memmove(episodes->waiting, episodes->waiting + 1,
                    episodes->waiting_count * sizeof *episodes->waiting);
  return true;
}
