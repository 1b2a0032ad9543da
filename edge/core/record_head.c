/* See record_head.h. */
#include "record_head.h"

static void add(const float *weights, int32_t features, float value, float *logits, int32_t n) {
  for (int32_t k = 0; k < n; ++k, weights += features) logits[k] += *weights * value;
}

void lo_read_window(const lo_record_head *head, const lo_pool *pool, lo_pool_window window,
                    float *rhythm_logits, float *findings) {
  for (int32_t k = 0; k < LO_RHYTHMS; ++k) rhythm_logits[k] = head->rhythm_bias[k];
  for (int32_t k = 0; k < head->findings; ++k) findings[k] = head->finding_bias[k];
  for (int32_t c = 0; c < pool->channels; ++c) {
    float statistics[LO_POOL_STATISTICS];
    lo_pool_statistics(pool, window, c, statistics);
    for (int32_t k = 0; k < LO_POOL_STATISTICS; ++k) {
      const int32_t at = k * pool->channels + c;
      add(head->rhythm_weights + at, head->features, statistics[k], rhythm_logits, LO_RHYTHMS);
      add(head->finding_weights + at, head->features, statistics[k], findings, head->findings);
    }
  }
}
