/* See pooling.h. */
#include "pooling.h"

static const float spread_floor = 1e-4f; /* added to the variance */

enum { BLOCK_SAMPLES = LO_POOL_BLOCK_S * LO_RATE_HZ };

size_t lo_pool_bytes(int32_t channels) {
  return (size_t)(LO_POOL_BLOCKS * channels) * (sizeof(int32_t) + sizeof(int16_t) + 1);
}

void lo_pool_init(lo_pool *pool, int32_t channels, float scale, int8_t zero, void *memory) {
  const int32_t n = LO_POOL_BLOCKS * channels;
  int32_t *squares = memory;
  int16_t *sums = (int16_t *)(squares + n);
  *pool = (lo_pool){0, channels, scale, zero, squares, sums, (int8_t *)(sums + n)};
}

static int32_t block_of(int32_t frame) { return frame * LO_HOP_SAMPLES / BLOCK_SAMPLES; }

/* The first frame of a block. */
static int32_t begin_of(int32_t block) {
  return (block * BLOCK_SAMPLES + LO_HOP_SAMPLES - 1) / LO_HOP_SAMPLES;
}

void lo_pool_push(lo_pool *pool, const int8_t *deep) {
  const int32_t block = block_of(pool->frames);
  const bool begins = pool->frames == begin_of(block);
  const int32_t at = block % LO_POOL_BLOCKS * pool->channels;
  pool->frames += 1;
  for (int32_t c = 0; c < pool->channels; ++c) {
    const int32_t k = at + c, x = deep[c];
    pool->squares[k] = (begins ? 0 : pool->squares[k]) + x * x;
    pool->sums[k] = (int16_t)((begins ? 0 : pool->sums[k]) + x);
    pool->maxima[k] = (int8_t)(begins ? x : lo_maximum(pool->maxima[k], x));
  }
}

static float spread_of(float scale, int64_t squares, int64_t sum, int32_t count) {
  const float variance = (float)(count * squares - sum * sum) / ((float)count * (float)count);
  return lo_sqrtf(variance * (scale * scale) + spread_floor);
}

lo_pool_window lo_pool_between(const lo_pool *pool, double start_s, double end_s) {
  if (pool->frames == 0) return (lo_pool_window){0, 0, 0};
  const int32_t newest = block_of(pool->frames - 1);
  const int32_t from = -(int32_t)lo_floor(-start_s / LO_POOL_BLOCK_S);
  const int32_t until = -(int32_t)lo_floor(-end_s / LO_POOL_BLOCK_S);
  const int32_t first = lo_maximum(from, lo_maximum(newest - LO_POOL_BLOCKS + 1, 0));
  const int32_t last = lo_minimum(until, newest + 1);
  if (first >= last) return (lo_pool_window){0, 0, 0};
  const int32_t end = lo_minimum(begin_of(last), pool->frames);
  return (lo_pool_window){first, last, end - begin_of(first)};
}

void lo_pool_statistics(const lo_pool *pool, lo_pool_window window, int32_t channel,
                        float statistics[LO_POOL_STATISTICS]) {
  int32_t sum = 0, squares = 0, maximum = -128;
  for (int32_t block = window.first; block < window.last; ++block) {
    const int32_t k = block % LO_POOL_BLOCKS * pool->channels + channel;
    sum += pool->sums[k];
    squares += pool->squares[k];
    maximum = lo_maximum(maximum, pool->maxima[k]);
  }
  statistics[0] = pool->scale * ((float)sum / (float)window.frames - (float)pool->zero);
  statistics[1] = pool->scale * (float)(maximum - pool->zero);
  statistics[2] = spread_of(pool->scale, squares, sum, window.frames);
}
