/* Counts what a simulated core executes: unicorn calls counter_enter with each block that it enters. */
#include <stddef.h>
#include <stdint.h>

enum { HALVES = 1 << 15 }; /* of the code: 64 KB */

typedef struct {
  uint64_t total, limit;
  uint64_t instructions[HALVES]; /* of the blocks that begin at each half word of the code */
  uint32_t known_bytes[HALVES], known_count[HALVES];
  uint16_t code[HALVES];
  uint32_t first; /* address */
  uint32_t halves;
  int (*stop)(void *); /* unicorn's uc_emu_stop */
} counter;

size_t counter_bytes(void) { return sizeof(counter); }

/* In zeroed memory. */
void counter_open(counter *c, const uint8_t *code, uint32_t first, uint32_t bytes, int (*stop)(void *)) {
  c->limit = UINT64_MAX;
  c->first = first;
  c->halves = bytes / 2 < HALVES ? bytes / 2 : HALVES;
  c->stop = stop;
  __builtin_memcpy(c->code, code, 2 * (size_t)c->halves);
}

/* An instruction has four bytes where its first five bits say so, else two. */
static uint32_t counted(const counter *c, uint32_t half, uint32_t end) {
  uint32_t count = 0;
  for (; half < end && half < c->halves; ++count) half += c->code[half] >> 11 >= 0x1D ? 2 : 1;
  return count;
}

void counter_enter(void *machine, uint64_t at, uint32_t size, counter *c) {
  const uint32_t half = ((uint32_t)at - c->first) / 2;
  if (half >= c->halves) return;
  if (c->known_bytes[half] != size) {
    c->known_count[half] = counted(c, half, half + size / 2);
    c->known_bytes[half] = size;
  }
  c->instructions[half] += c->known_count[half];
  c->total += c->known_count[half];
  if (c->total > c->limit) c->stop(machine);
}
