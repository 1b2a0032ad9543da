/* A record's events as bytes: float32 samples from standard input, at a rate, in chunks. */
#include <stdio.h>
#include <stdlib.h>

#include "leadone.h"

static void drain(leadone *state) {
  leadone_event event;
  while (leadone_next_event(state, &event)) fwrite(&event, sizeof event, 1, stdout);
}

int main(int count, char **words) {
  if (count != 3) return 2;
  const double rate_hz = atof(words[1]);
  const size_t chunk = (size_t)atol(words[2]), bytes = leadone_state_size(rate_hz);
  void *memory = malloc(bytes);
  leadone *state = leadone_init(memory, bytes, rate_hz, NULL);
  float *mv = malloc(chunk * sizeof *mv);
  if (!state || !mv) return 3;
  for (size_t n; (n = fread(mv, sizeof *mv, chunk, stdin)) > 0;) {
    for (size_t used = 0; used < n;) {
      used += leadone_push(state, mv + used, n - used);
      drain(state);
    }
  }
  leadone_push(state, NULL, 0);
  drain(state);
  free(mv);
  free(memory);
  return 0;
}
