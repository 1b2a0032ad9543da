/* See polarity.h. */
#include "polarity.h"

enum { P_POINTS = 2, QRS_POINTS = 1, LEAST_BEATS = 6 };

static const double points_on = 0.7, points_off = 0.0;

void lo_polarity_beat(lo_votes *votes, lo_episodes *episodes, double r_s, bool has_p, float p_mv,
                      float qrs_mv) {
  int32_t points = qrs_mv < 0 ? QRS_POINTS : -QRS_POINTS;
  if (has_p) points += p_mv < 0 ? P_POINTS : -P_POINTS;
  lo_votes_vote(votes, r_s, points, LEAST_BEATS, points_on, points_off);
  const float share = lo_votes_share(votes);
  if (votes->is_open) {
    lo_episodes_open(episodes, LEADONE_REVERSED_HANDS, lo_votes_since_s(votes, r_s), r_s, share);
  } else {
    lo_episodes_close(episodes, LEADONE_REVERSED_HANDS, r_s, r_s, share);
  }
}
