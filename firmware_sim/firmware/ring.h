/* Samples between the interrupt that takes them and the main loop that reads them; one writer, one
 * reader, no lock. What finds no room is counted, and stands as a missing sample in the signal.
 */
#ifndef FIRMWARE_RING_H
#define FIRMWARE_RING_H

#include <stdbool.h>
#include <stdint.h>

enum { RING_SAMPLES = 64 }; /* a quarter of a second; a power of two */

typedef struct {
  volatile uint32_t written, read; /* wrap */
  volatile uint32_t overruns;
  uint32_t deepest;
  int32_t codes[RING_SAMPLES];
} ring;

static inline uint32_t ring_held(const ring *r) { return r->written - r->read; }

static inline void ring_put(ring *r, int32_t code) {
  const uint32_t held = ring_held(r);
  if (held >= RING_SAMPLES) {
    r->overruns = r->overruns + 1;
    return;
  }
  r->codes[r->written % RING_SAMPLES] = code;
  r->written = r->written + 1;
  if (held + 1 > r->deepest) r->deepest = held + 1;
}

static inline bool ring_take(ring *r, int32_t *code) {
  if (ring_held(r) == 0) return false;
  *code = r->codes[r->read % RING_SAMPLES];
  r->read = r->read + 1;
  return true;
}

#endif
