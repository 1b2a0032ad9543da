/* See event_log.h. */
#include "event_log.h"

static const double never_s = 1e300;
static const double rhythm_window_s = 30.0, rhythm_step_s = 10.0;
static const double known_after_s = 3.0; /* a second's verdict, at most this long after its end */

void lo_event_log_init(lo_event_log *log, const lo_model *model, lo_quality *quality,
                       const lo_pool *pool, const leadone_limits *limits, bool watches_polarity) {
  *log = (lo_event_log){.model = model,
                        .quality = quality,
                        .pool = pool,
                        .next_rhythm_s = rhythm_window_s,
                        .last_beat_s = never_s,
                        .off_since_s = LEADONE_ABSENT,
                        .stretch = -1,
                        .watches_polarity = watches_polarity};
  lo_alerts_init(&log->alerts, limits);
  lo_polarity_init(&log->polarity);
  lo_rhythm_beats_init(&log->beats);
}

static leadone_state state_of(lo_reason reason) {
  if (reason == LO_FINE) return LEADONE_GOOD;
  return reason <= LO_DRIFTING ? LEADONE_LEAD_OFF : LEADONE_NOISY;
}

static void say_stretch(const lo_event_log *log, double end_s, leadone_event *event) {
  event->kind = LEADONE_QUALITY;
  event->of.quality = (leadone_quality){log->stretch_start_s, end_s,
                                        (int32_t)state_of((lo_reason)log->stretch), log->stretch};
}

/* A second without contact: rates end, and after a while the wearer is told. */
static void second_off(lo_event_log *log, double start_s, double end_s) {
  lo_rate_lose(&log->alerts, end_s);
  if (log->off_since_s < 0) log->off_since_s = start_s;
  if (end_s - log->off_since_s >= log->alerts.limits->lead_off_s) {
    lo_alerts_open(&log->alerts, LEADONE_LEAD_OFF_ALERT, log->off_since_s, end_s);
  }
}

static void second_on(lo_event_log *log, double start_s, double end_s) {
  log->off_since_s = LEADONE_ABSENT;
  lo_alerts_close(&log->alerts, LEADONE_LEAD_OFF_ALERT, start_s, end_s);
}

static bool tell_second(lo_event_log *log, leadone_event *event) {
  const int32_t k = log->quality->told++;
  const lo_reason reason = (lo_reason)log->quality->reasons[k % LO_SECONDS_WAITING];
  const uint64_t bit = (uint64_t)1 << k % 64;
  log->noisy = reason == LO_FINE ? log->noisy & ~bit : log->noisy | bit;
  const bool changes = log->stretch != (int8_t)reason, ends = changes && log->stretch >= 0;
  if (ends) say_stretch(log, k, event);
  if (changes) {
    log->stretch = (int8_t)reason;
    log->stretch_start_s = k;
  }
  if (reason == LO_UNREADABLE) lo_rate_forget(&log->alerts);
  if (state_of(reason) == LEADONE_LEAD_OFF) {
    second_off(log, k, k + 1);
  } else {
    second_on(log, k, k + 1);
  }
  return ends;
}

static int32_t noisy_seconds(const lo_event_log *log, double start_s, double end_s) {
  int32_t count = 0;
  for (int32_t k = lo_maximum(log->quality->told - 64, 0); k < log->quality->told; ++k) {
    if (k + 1 > start_s && k < end_s) count += (int32_t)(log->noisy >> k % 64 & 1u);
  }
  return count;
}

static void begin_rhythm(lo_event_log *log, double end_s) {
  const double start_s = end_s > rhythm_window_s ? end_s - rhythm_window_s : 0.0;
  const double seconds = end_s - start_s > 1.0 ? end_s - start_s : 1.0;
  lo_rhythm_begin(&log->work, noisy_seconds(log, start_s, end_s) / seconds, start_s, end_s);
  log->is_working = true;
}

bool lo_event_log_is_busy(const lo_event_log *log) {
  return log->is_working && log->work.step < LO_RHYTHM_STEPS;
}

bool lo_event_log_work(lo_event_log *log) {
  const lo_model *model = log->model;
  lo_rhythm_step(&log->work, &log->beats, log->pool, model->record_head, model->rhythm);
  return !lo_event_log_is_busy(log);
}

static void tell_rhythm(lo_event_log *log, leadone_event *event) {
  while (lo_event_log_is_busy(log)) lo_event_log_work(log);
  event->kind = LEADONE_RHYTHM;
  event->of.rhythm = log->work.rhythm;
  log->is_working = false;
  log->told_rhythm = true;
  if (event->of.rhythm.end_s >= rhythm_window_s) lo_af_alert(&log->alerts, &event->of.rhythm);
}

static void tell_pause(lo_event_log *log) {
  const double start_s = log->last_beat_s, at_s = start_s + log->alerts.limits->pause_s;
  log->last_beat_s = never_s; /* told; the next beat starts the clock again */
  if (lo_quality_is_readable(log->quality, start_s, at_s)) {
    lo_alerts_open(&log->alerts, LEADONE_PAUSE, start_s, at_s);
  }
}

static bool take_alert(lo_event_log *log, leadone_event *event) {
  leadone_alert alert;
  if (!lo_alerts_take(&log->alerts, &alert)) return false;
  event->kind = LEADONE_ALERT;
  event->of.alert = alert;
  return true;
}

bool lo_event_log_advance(lo_event_log *log, double to_s, bool can_wait, leadone_event *event) {
  for (;;) {
    if (take_alert(log, event)) return true;
    if (log->is_working) {
      if (can_wait && lo_event_log_is_busy(log)) return false;
      tell_rhythm(log, event);
      return true;
    }
    const lo_quality *quality = log->quality;
    const bool waits = quality->told < quality->decided;
    const double second_s = waits ? quality->told + 1 + known_after_s : never_s;
    const double rhythm_s = log->next_rhythm_s + known_after_s;
    const double pause_s = log->last_beat_s + log->alerts.limits->pause_s;
    if (second_s <= rhythm_s && second_s <= pause_s) {
      if (second_s > to_s) return false;
      if (tell_second(log, event)) return true;
    } else if (rhythm_s <= pause_s) {
      if (rhythm_s > to_s) return false;
      begin_rhythm(log, log->next_rhythm_s);
      log->next_rhythm_s += rhythm_step_s;
    } else {
      if (pause_s > to_s) return false;
      tell_pause(log);
    }
  }
}

void lo_event_log_beat(lo_event_log *log, const leadone_beat *beat, bool points_down) {
  const double r_s = beat->r_s;
  lo_alerts_close(&log->alerts, LEADONE_PAUSE, r_s, r_s);
  log->last_beat_s = r_s;
  lo_rhythm_beats_push(&log->beats, beat);
  lo_rate_beat(&log->alerts, r_s);
  if (!log->watches_polarity) return;
  if (beat->p_on_s >= 0) lo_polarity_beat(&log->polarity, r_s, points_down);
  if (log->polarity.is_reversed) {
    lo_alerts_open(&log->alerts, LEADONE_REVERSED_HANDS, lo_polarity_since_s(&log->polarity), r_s);
  } else {
    lo_alerts_close(&log->alerts, LEADONE_REVERSED_HANDS, r_s, r_s);
  }
}

enum { DUE, SECONDS, LAST_RHYTHM, LAST_STRETCH };

bool lo_event_log_finish(lo_event_log *log, double end_s, leadone_event *event) {
  leadone_alert_kind kind;
  if (log->step == DUE) {
    if (lo_event_log_advance(log, end_s, false, event)) return true;
    log->step = SECONDS;
  }
  if (take_alert(log, event)) return true;
  while (log->step == SECONDS && log->quality->told < log->quality->decided) {
    if (tell_second(log, event) || take_alert(log, event)) return true;
  }
  if (log->step == SECONDS) {
    log->step = LAST_RHYTHM;
    if (!log->told_rhythm || log->next_rhythm_s - rhythm_step_s / 2 < end_s) {
      begin_rhythm(log, end_s);
      tell_rhythm(log, event);
      return true;
    }
  }
  if (log->step == LAST_RHYTHM) {
    log->step = LAST_STRETCH;
    if (log->stretch >= 0) {
      say_stretch(log, end_s, event);
      return true;
    }
  }
  if (lo_alerts_first_open(&log->alerts, &kind)) {
    lo_alerts_close(&log->alerts, kind, end_s, end_s);
    return take_alert(log, event);
  }
  return false;
}
