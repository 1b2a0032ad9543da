/* Samples in at any rate, events out: the whole spine in the order data flows. See leadone.h; the
 * twin of edge/monitor.py.
 */
#include "delineation.h"
#include "event_log.h"
#include "frontend.h"

typedef enum { LISTENING, READING, LAST, ENDING, PADDING, FINISHING, TELLING, ENDED } stage;

struct leadone {
  const lo_model *model;
  lo_frontend front;
  lo_quality quality;
  lo_delineation delineation;
  lo_event_log log;
  lo_beat beat; /* completed, waits for what is due before it */
  int64_t received; /* raw samples */
  double rate_hz;
  int32_t held, padded, finished; /* inputs, filtered samples and steps behind the end */
  uint8_t stage;
  bool has_beat;
  leadone_limits limits;
  bool is_lead_one;
};

static size_t rounded_up(size_t bytes) { return (bytes + 7) / 8 * 8; }

size_t leadone_state_size(double rate_hz) {
  const size_t inputs = (size_t)lo_resampler_inputs(rate_hz);
  if (inputs == 0) return 0;
  return rounded_up(sizeof(leadone)) + rounded_up(inputs * sizeof(int32_t)) +
         lo_delineation_bytes(lo_the_model.network);
}

void leadone_reset(leadone *state) {
  const leadone before = {.model = state->model, .rate_hz = state->rate_hz,
                          .limits = state->limits, .is_lead_one = state->is_lead_one};
  uint8_t *memory = (uint8_t *)state + rounded_up(sizeof(leadone));
  *state = before;
  const lo_model *model = state->model;
  lo_frontend_init(&state->front, state->rate_hz, (int32_t *)memory);
  memory += rounded_up((size_t)state->front.resampler.count * sizeof(int32_t));
  lo_quality_init(&state->quality, &model->quality, state->rate_hz);
  lo_delineation_init(&state->delineation, model->network, model->beat_model, memory);
  lo_event_log_init(&state->log, model, &state->quality, &state->delineation.pool, &state->limits,
                    state->is_lead_one);
}

leadone *leadone_init(void *memory, size_t bytes, double rate_hz, const leadone_options *options) {
  const size_t needed = leadone_state_size(rate_hz);
  const leadone_limits *limits =
      options && options->limits ? options->limits : &lo_default_limits;
  if (needed == 0 || bytes < needed || (uintptr_t)memory % sizeof(double)) return NULL;
  if (!lo_limits_hold(limits)) return NULL;
  leadone *state = memory;
  state->model = &lo_the_model;
  state->rate_hz = rate_hz;
  state->limits = *limits;
  state->is_lead_one = !(options && options->is_other_lead);
  leadone_reset(state);
  return state;
}

const char *leadone_version(void) { return lo_the_model.version; }

/* Whether the samples go on, so that work may wait for them. */
static bool is_listening(const leadone *state) { return state->stage <= READING; }

/* Take the filtered samples that are complete; whether they completed the work on a hop, or on a
 * rhythm that events wait for.
 */
static bool take_filtered(leadone *state) {
  int16_t filtered;
  while (lo_frontend_next(&state->front, &filtered)) {
    lo_quality_push_filtered(&state->quality, filtered, state->front.filter.removed);
    if (lo_delineation_push(&state->delineation, filtered, true, &state->quality)) {
      if (!is_listening(state)) return true;
      lo_quality_decide(&state->quality);
      state->stage = READING;
      return true;
    }
    if (lo_event_log_is_busy(&state->log) && lo_event_log_work(&state->log)) return true;
  }
  return false;
}

size_t leadone_push(leadone *state, const float *mv, size_t count) {
  const bool takes = state->stage == LISTENING ||
                     (state->stage == READING && lo_event_log_is_busy(&state->log));
  if (!takes) return 0;
  if (mv == NULL) {
    state->stage = LAST;
    return 0;
  }
  for (size_t k = 0; k < count; ++k) {
    state->received += 1;
    lo_quality_push_raw(&state->quality, mv[k]);
    lo_frontend_push(&state->front, mv[k]);
    if (take_filtered(state)) return k + 1;
  }
  return count;
}

static double inside(const leadone *state, double sample, double end_s) {
  const double at_s = sample * state->front.resampler.seconds_per_output;
  return at_s < 0 ? 0.0 : at_s > end_s ? end_s : at_s;
}

/* In seconds, and within the record: the network also reads a little beyond its end. */
static void edges(const leadone *state, bool is_there, lo_stretch wave, double end_s, double *on_s,
                  double *off_s) {
  const double onset_s = wave.onset * state->front.resampler.seconds_per_output;
  const bool is_told = is_there && onset_s < end_s;
  *on_s = is_told ? inside(state, wave.onset, end_s) : LEADONE_ABSENT;
  *off_s = is_told ? inside(state, wave.offset, end_s) : LEADONE_ABSENT;
}

static void beat_event(const leadone *state, const lo_beat *draft, double end_s,
                       leadone_beat *beat) {
  *beat = (leadone_beat){.r_s = inside(state, draft->r, end_s),
                         .qrs_on_s = inside(state, draft->qrs.onset, end_s),
                         .qrs_off_s = inside(state, draft->qrs.offset, end_s),
                         .confidence = draft->confidence,
                         .label = draft->label,
                         .blocked_count = draft->blocked_count};
  edges(state, draft->has_p, draft->p, end_s, &beat->p_on_s, &beat->p_off_s);
  edges(state, draft->has_t, draft->t, end_s, &beat->t_on_s, &beat->t_off_s);
  for (int32_t k = 0; k < draft->blocked_count; ++k) {
    beat->blocked_p_s[k][0] = inside(state, draft->blocked[k].onset, end_s);
    beat->blocked_p_s[k][1] = inside(state, draft->blocked[k].offset, end_s);
  }
}

static bool is_over(const leadone *state) { return state->stage >= ENDING; }

static double end_of(const leadone *state) {
  return is_over(state) ? (double)state->received / state->rate_hz : 1e300;
}

/* The completed beat's turn: first what is due before it, then itself. */
static bool tell_beat(leadone *state, leadone_event *event) {
  const double end_s = end_of(state), r_s = inside(state, state->beat.r, end_s);
  if (lo_event_log_advance(&state->log, r_s, is_listening(state), event)) return true;
  if (lo_event_log_is_busy(&state->log)) return false;
  state->has_beat = false;
  if (!lo_quality_is_on(&state->quality, r_s)) return false; /* the echo of a lost electrode */
  event->kind = LEADONE_BEAT;
  beat_event(state, &state->beat, end_s, &event->of.beat);
  if (lo_event_log_beat(&state->log, &event->of.beat, &state->beat)) return true;
  __builtin_memset(event, 0, sizeof *event);
  return false;
}

static void keep_beat(leadone *state) {
  const double at_s = state->beat.r * state->front.resampler.seconds_per_output;
  state->has_beat = !is_over(state) || at_s < end_of(state);
}

/* Behind the end: the next sample of the resampler's delay, then of the network's look-ahead;
 * whether one completed the work on a hop. False when all is read.
 */
static bool push_end(leadone *state) {
  while (state->stage == ENDING) {
    if (take_filtered(state)) return true;
    if (state->held++ < state->front.resampler.half) {
      lo_resampler_hold(&state->front.resampler);
    } else {
      state->padded = lo_delineation_padding(&state->delineation);
      state->stage = PADDING;
    }
  }
  while (state->stage == PADDING && state->padded > 0) {
    state->padded -= 1;
    const int16_t last = state->delineation.last;
    if (lo_delineation_push(&state->delineation, last, false, &state->quality)) return true;
  }
  return lo_delineation_flush(&state->delineation, &state->quality);
}

/* Whether there is another beat of the record's end. */
static bool next_of_end(leadone *state) {
  while (state->stage < FINISHING) {
    if (lo_delineation_next(&state->delineation, &state->beat)) return true;
    if (push_end(state)) continue;
    lo_quality_finish(&state->quality);
    state->stage = FINISHING;
  }
  while (state->finished < 3) {
    if (lo_delineation_finish(&state->delineation, state->finished++, &state->beat)) return true;
  }
  return false;
}

/* What the stage brings: an event, or with `false` the next stage or a beat. */
static bool read_hop(leadone *state, leadone_event *event) {
  lo_delineation *delineation = &state->delineation;
  if (lo_delineation_next(delineation, &state->beat)) {
    keep_beat(state);
    return false;
  }
  const double seconds = state->front.resampler.seconds_per_output;
  const double settled_s = lo_delineation_settled(delineation) * seconds;
  if (lo_event_log_advance(&state->log, settled_s, is_listening(state), event)) return true;
  if (lo_event_log_is_busy(&state->log)) return false;
  if (state->stage == READING) {
    state->stage = LISTENING;
  } else if (lo_delineation_flush(delineation, &state->quality)) {
    lo_quality_decide(&state->quality);
  } else {
    state->stage = ENDING;
  }
  return false;
}

static bool read_end(leadone *state, leadone_event *event) {
  if (state->stage < TELLING) {
    if (next_of_end(state)) {
      keep_beat(state);
      return false;
    }
    state->stage = TELLING;
  }
  if (lo_event_log_finish(&state->log, end_of(state), event)) return true;
  state->stage = ENDED;
  return false;
}

bool leadone_signal_now(const leadone *state, leadone_quality *stretch) {
  return lo_event_log_stretch(&state->log, stretch);
}

bool leadone_next_event(leadone *state, leadone_event *event) {
  if (!state->has_beat && (state->stage == LISTENING || state->stage == ENDED)) return false;
  __builtin_memset(event, 0, sizeof *event);
  while (state->has_beat || (state->stage != LISTENING && state->stage != ENDED)) {
    const bool found = state->has_beat         ? tell_beat(state, event)
                       : state->stage < ENDING ? read_hop(state, event)
                                               : read_end(state, event);
    if (found) return true;
    if (is_listening(state) && lo_event_log_is_busy(&state->log)) return false;
  }
  return false;
}
