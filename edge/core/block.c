/* See block.h. */
#include "block.h"

size_t lo_push_block(leadone *state, const float *mv, size_t count, leadone_event *events,
                     size_t room, size_t *taken) {
  size_t found = 0;
  *taken = 0;
  if (mv == NULL) leadone_push(state, NULL, 0);
  for (;;) {
    while (found < room && leadone_next_event(state, &events[found])) ++found;
    if (found == room || mv == NULL || *taken == count) return found;
    *taken += leadone_push(state, mv + *taken, count - *taken);
  }
}
