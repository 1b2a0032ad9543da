/* See votes.h. */
#include "votes.h"

#include "rhythm.h"

/* The place of the vote `k` votes after the oldest. */
static int32_t place(const lo_votes *votes, int32_t k) {
  return (votes->next - votes->count + k + LO_VOTERS) % LO_VOTERS;
}

void lo_votes_vote(lo_votes *votes, double at_s, int32_t value, int32_t least, double mean_on,
                   double mean_off) {
  votes->r[votes->next] = lo_ticks(at_s);
  votes->value[votes->next] = (int8_t)value;
  votes->next = (uint8_t)((votes->next + 1) % LO_VOTERS);
  if (votes->count < LO_VOTERS) votes->count += 1;
  int32_t total = 0;
  for (int32_t k = 0; k < votes->count; ++k) total += votes->value[k];
  if (total <= mean_off * votes->count) {
    votes->is_open = false;
  } else if (votes->count >= least && total >= mean_on * votes->count) {
    votes->is_open = true;
  }
}

float lo_votes_share(const lo_votes *votes) {
  int32_t yes = 0;
  for (int32_t k = 0; k < votes->count; ++k) yes += votes->value[k] > 0;
  return (float)yes / (float)votes->count;
}

double lo_votes_since_s(const lo_votes *votes, double at_s) {
  const uint32_t last = votes->r[place(votes, votes->count - 1)];
  for (int32_t k = 0; k < votes->count; ++k) {
    const int32_t at = place(votes, k);
    if (votes->value[at] > 0) return at_s - (double)(last - votes->r[at]) / LO_TICKS_PER_S;
  }
  return at_s;
}
