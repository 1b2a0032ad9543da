/* See ventricular.h. */
#include "ventricular.h"

static void start_over(lo_ventricular *v) {
  v->in_row = v->pairs = 0;
  v->others = 2;
  v->row_s = v->pairs_s = 0.0;
}

void lo_ventricular_init(lo_ventricular *v) {
  *v = (lo_ventricular){0};
  start_over(v);
}

/* With the last V beat. */
static void close(const lo_ventricular *v, lo_episodes *episodes, leadone_alert_kind kind,
                  double at_s) {
  if (v->count) lo_episodes_close(episodes, kind, v->v_s[v->count - 1], at_s, LO_AS_THE_BEATS);
}

static void end_bigeminy(lo_ventricular *v, lo_episodes *episodes, double r_s) {
  v->pairs = 0;
  close(v, episodes, LEADONE_V_BIGEMINY, r_s);
}

static void remember(lo_ventricular *v, int32_t most, double r_s) {
  if (v->count == most) {
    v->count -= 1;
    __builtin_memmove(v->v_s, v->v_s + 1, v->count * sizeof *v->v_s);
  }
  v->v_s[v->count++] = r_s;
}

static void pair(lo_ventricular *v, lo_episodes *episodes, double r_s) {
  if (v->pairs++ == 0) v->pairs_s = r_s;
  if (v->pairs >= episodes->limits->v_bigeminy_pairs) {
    lo_episodes_open(episodes, LEADONE_V_BIGEMINY, v->pairs_s, r_s, LO_AS_THE_BEATS);
  }
}

static void hear_v(lo_ventricular *v, lo_episodes *episodes, double r_s) {
  const leadone_limits *limits = episodes->limits;
  if (v->others != 1) end_bigeminy(v, episodes, r_s);
  remember(v, limits->v_frequent_beats, r_s);
  /* The second beat of a couplet has no other beat to be a pair with. */
  if (v->others) pair(v, episodes, r_s);
  if (v->in_row++ == 0) v->row_s = r_s;
  v->others = 0;
  if (v->in_row >= limits->v_run_beats) {
    lo_episodes_open(episodes, LEADONE_V_RUN, v->row_s, r_s, LO_AS_THE_BEATS);
  }
}

static void hear_other(lo_ventricular *v, lo_episodes *episodes, double r_s) {
  v->others += 1;
  if (v->in_row == 2 && !lo_episodes_is_open(episodes, LEADONE_V_RUN)) {
    lo_episodes_open(episodes, LEADONE_V_COUPLET, v->row_s, r_s, LO_AS_THE_BEATS);
    close(v, episodes, LEADONE_V_COUPLET, r_s);
  }
  v->in_row = 0;
  if (v->others == 2) { /* a single other beat interrupts nothing */
    close(v, episodes, LEADONE_V_RUN, r_s);
    end_bigeminy(v, episodes, r_s);
  }
}

static void count_frequent(const lo_ventricular *v, lo_episodes *episodes, double r_s) {
  const int32_t most = episodes->limits->v_frequent_beats;
  const double since_s = r_s - episodes->limits->v_frequent_within_s;
  int32_t recent = v->count;
  while (recent && v->v_s[v->count - recent] < since_s) recent -= 1;
  if (recent == most) {
    lo_episodes_open(episodes, LEADONE_V_FREQUENT, v->v_s[0], r_s, LO_AS_THE_BEATS);
  } else if (2 * recent < most) {
    close(v, episodes, LEADONE_V_FREQUENT, r_s);
  }
}

void lo_ventricular_beat(lo_ventricular *v, lo_episodes *episodes, double r_s, bool is_v) {
  if (r_s - v->last_s > LO_MAX_RR_S) lo_ventricular_forget(v, episodes, r_s);
  v->last_s = r_s;
  if (is_v) {
    hear_v(v, episodes, r_s);
  } else {
    hear_other(v, episodes, r_s);
  }
  count_frequent(v, episodes, r_s);
}

void lo_ventricular_forget(lo_ventricular *v, lo_episodes *episodes, double at_s) {
  close(v, episodes, LEADONE_V_BIGEMINY, at_s);
  close(v, episodes, LEADONE_V_RUN, at_s);
  start_over(v);
}
