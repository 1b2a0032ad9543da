/* See conduction.h. */
#include "conduction.h"

static const double shortest_qtc_rr_s = 0.5, longest_qtc_rr_s = 1.5;
static const double in_time = 0.2, shortest_pp_s = 0.3, longest_pp_s = 2.0;

static void vote(lo_votes *votes, lo_episodes *episodes, leadone_alert_kind kind, double at_s,
                 bool is_long) {
  const leadone_limits *limits = episodes->limits;
  lo_votes_vote(votes, at_s, is_long, LO_VOTERS, limits->share_on, limits->share_off);
  const float share = lo_votes_share(votes);
  if (votes->is_open) {
    lo_episodes_open(episodes, kind, lo_votes_since_s(votes, at_s), at_s, share);
  } else {
    lo_episodes_close(episodes, kind, at_s, at_s, share);
  }
}

/* Whether a P wave between two beats was in time and not answered. */
static bool is_dropped(const lo_conduction *before, const leadone_beat *beat) {
  if (before->last_is_v || beat->label == LEADONE_V || before->p_on_s < 0) return false;
  if (beat->p_on_s < 0 || beat->blocked_count == 0) return false;
  const double first_s = beat->blocked_p_s[0][0] - before->p_on_s;
  const double last_s = beat->p_on_s - beat->blocked_p_s[beat->blocked_count - 1][0];
  const double shorter_s = first_s < last_s ? first_s : last_s;
  const double longer_s = first_s < last_s ? last_s : first_s;
  return shorter_s >= shortest_pp_s && longer_s <= longest_pp_s &&
         longer_s - shorter_s <= in_time * longer_s;
}

static bool is_recent(const lo_conduction *conduction, const lo_episodes *episodes, double at_s) {
  return conduction->has_dropped &&
         at_s - conduction->dropped_s <= episodes->limits->dropped_within_s;
}

static void drop(lo_conduction *conduction, lo_episodes *episodes, double at_s) {
  if (is_recent(conduction, episodes, at_s)) {
    lo_episodes_open(episodes, LEADONE_DROPPED_BEATS, conduction->first_s, at_s, LO_AS_THE_BEATS);
  } else {
    conduction->first_s = conduction->r_s;
  }
  conduction->dropped_s = at_s;
  conduction->has_dropped = true;
}

void lo_conduction_beat(lo_conduction *conduction, lo_episodes *episodes,
                        const leadone_beat *beat) {
  const leadone_limits *limits = episodes->limits;
  const double r_s = beat->r_s;
  if (beat->p_on_s >= 0 && beat->label != LEADONE_V) {
    const double pr_ms = 1000.0 * (beat->qrs_on_s - beat->p_on_s);
    vote(&conduction->pr, episodes, LEADONE_PR_LONG, r_s, pr_ms > limits->pr_long_ms);
  }
  const double rr_s = conduction->has_last ? r_s - conduction->r_s : 0.0;
  if (beat->t_off_s >= 0 && beat->label == LEADONE_N && rr_s >= shortest_qtc_rr_s &&
      rr_s <= longest_qtc_rr_s) {
    const double ratio = 1000.0 * (beat->t_off_s - beat->qrs_on_s) / limits->qtc_long_ms;
    vote(&conduction->qtc, episodes, LEADONE_QTC_LONG, r_s, ratio * ratio * ratio > rr_s);
  }
  if (conduction->has_last && rr_s <= LO_MAX_RR_S && is_dropped(conduction, beat)) {
    drop(conduction, episodes, r_s);
  } else if (conduction->has_dropped && !is_recent(conduction, episodes, r_s)) {
    lo_episodes_close(episodes, LEADONE_DROPPED_BEATS, conduction->dropped_s, r_s,
                      LO_AS_THE_BEATS);
    conduction->has_dropped = false;
  }
  conduction->r_s = r_s;
  conduction->p_on_s = beat->p_on_s;
  conduction->last_is_v = beat->label == LEADONE_V;
  conduction->has_last = true;
}

void lo_conduction_forget(lo_conduction *conduction) { conduction->has_last = false; }
