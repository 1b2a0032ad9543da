/* The network's deepest features over time as one vector; the twin of edge/pooling.py.
 *
 * Kept as sums over blocks of 10 s, so that a window of 30 s costs four blocks and no buffer.
 */
#ifndef LEADONE_POOLING_H
#define LEADONE_POOLING_H

#include "core.h"

#define LO_POOL_BLOCK_S 10

enum { LO_POOL_BLOCKS = 4, LO_POOL_STATISTICS = 3 };

typedef struct {
  int32_t frames;
  int32_t channels;
  float scale; /* of a feature's step */
  int8_t zero;
  int32_t *squares; /* (block, channel), rings */
  int16_t *sums;
  int8_t *maxima;
} lo_pool;

/* Bytes for `memory`, which has to be aligned for int32_t. */
size_t lo_pool_bytes(int32_t channels);

void lo_pool_init(lo_pool *pool, int32_t channels, float scale, int8_t zero, void *memory);

/* The features of the next hop. */
void lo_pool_push(lo_pool *pool, const int8_t *deep);

/* The blocks that begin from `start_s` to `end_s`, and their frames; 0 frames of none. */
typedef struct {
  int32_t first, last, frames;
} lo_pool_window;

lo_pool_window lo_pool_between(const lo_pool *pool, double start_s, double end_s);

/* Mean, maximum and spread of a channel over a window of at least a frame. */
void lo_pool_statistics(const lo_pool *pool, lo_pool_window window, int32_t channel,
                        float statistics[LO_POOL_STATISTICS]);

#endif
