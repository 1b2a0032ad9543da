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
  lo_trust_init(&log->trust, model->quality.trust);
  lo_rhythm_beats_init(&log->beats);
}

static leadone_state state_of(lo_reason reason) {
  if (reason == LO_FINE || reason == LO_POWERLINE) return LEADONE_GOOD;
  return reason <= LO_DRIFTING ? LEADONE_LEAD_OFF : LEADONE_NOISY;
}

static leadone_quality stretch_until(const lo_event_log *log, double end_s) {
  return (leadone_quality){log->stretch_start_s, end_s,
                           (int32_t)state_of((lo_reason)log->stretch), log->stretch};
}

static void say_stretch(const lo_event_log *log, double end_s, leadone_event *event) {
  event->kind = LEADONE_QUALITY;
  event->of.quality = stretch_until(log, end_s);
}

bool lo_event_log_stretch(const lo_event_log *log, leadone_quality *stretch) {
  if (log->stretch < 0) return false;
  *stretch = stretch_until(log, log->quality->told);
  return true;
}

static const leadone_limits *limits_of(const lo_event_log *log) {
  return log->alerts.episodes.limits;
}

/* A second without contact: what goes on ends, and after a while the wearer is told. */
static void second_off(lo_event_log *log, double start_s, double end_s) {
  lo_alerts_lose(&log->alerts, end_s);
  if (log->off_since_s < 0) log->off_since_s = start_s;
  if (end_s - log->off_since_s >= limits_of(log)->lead_off_s) {
    lo_episodes_open(&log->alerts.episodes, LEADONE_LEAD_OFF_ALERT, log->off_since_s, end_s, 1.0f);
  }
}

static void second_on(lo_event_log *log, double start_s, double end_s) {
  log->off_since_s = LEADONE_ABSENT;
  lo_episodes_close(&log->alerts.episodes, LEADONE_LEAD_OFF_ALERT, start_s, end_s, 1.0f);
}

static bool tell_second(lo_event_log *log, leadone_event *event) {
  const int32_t k = log->quality->told++;
  lo_reason reason = (lo_reason)log->quality->reasons[k % LO_SECONDS_WAITING];
  const uint64_t bit = (uint64_t)1 << k % 64;
  const bool is_good = state_of(reason) == LEADONE_GOOD;
  log->noisy = is_good ? log->noisy & ~bit : log->noisy | bit;
  if (is_good && log->doubted & bit) reason = LO_UNREADABLE;
  log->doubted &= ~bit;
  const bool changes = log->stretch != (int8_t)reason, ends = changes && log->stretch >= 0;
  if (ends) say_stretch(log, k, event);
  if (changes) {
    log->stretch = (int8_t)reason;
    log->stretch_start_s = k;
  }
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
  if (event->of.rhythm.end_s >= rhythm_window_s) {
    lo_alerts_window(&log->alerts, &event->of.rhythm);
  }
}

static void tell_pause(lo_event_log *log) {
  const double start_s = log->last_beat_s, at_s = start_s + limits_of(log)->pause_s;
  log->last_beat_s = never_s; /* told; the next beat starts the clock again */
  if (lo_quality_is_readable(log->quality, start_s, at_s)) {
    lo_episodes_open(&log->alerts.episodes, LEADONE_PAUSE, start_s, at_s, LO_AS_THE_BEATS);
  }
}

static bool take_alert(lo_event_log *log, leadone_event *event) {
  if (!lo_episodes_take(&log->alerts.episodes, &event->of.alert)) return false;
  event->kind = LEADONE_ALERT;
  lo_rhythm_evidence(&log->beats, &event->of.alert); /* no beat has come since */
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
    const double pause_s = log->last_beat_s + limits_of(log)->pause_s;
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

bool lo_event_log_beat(lo_event_log *log, const leadone_beat *beat, const lo_beat *draft) {
  lo_alerts *alerts = &log->alerts;
  const double r_s = beat->r_s;
  const bool is_told = lo_trust_hear(&log->trust, beat->confidence);
  /* The rhythm knows noise by all beats. */
  lo_rhythm_beats_push(&log->beats, beat, draft->levels, is_told);
  if (!is_told) {
    log->last_beat_s = never_s;
    log->doubted |= (uint64_t)1 << (int32_t)r_s % 64;
    lo_alerts_forget(alerts, r_s);
    return false;
  }
  log->last_beat_s = r_s;
  lo_episodes_close(&alerts->episodes, LEADONE_PAUSE, r_s, r_s, LO_AS_THE_BEATS);
  lo_alerts_beat(alerts, beat);
  if (log->watches_polarity) {
    lo_polarity_beat(&alerts->polarity, &alerts->episodes, r_s, beat->p_on_s >= 0, draft->p_mv,
                     draft->qrs_mv);
  }
  return true;
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
  if (lo_episodes_first_open(&log->alerts.episodes, &kind)) {
    lo_episodes_close(&log->alerts.episodes, kind, end_s, end_s, LO_AS_THE_BEATS);
    return take_alert(log, event);
  }
  return false;
}
