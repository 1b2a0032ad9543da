/* The C core on any machine: millivolts on standard input, a beat or an alert a line.
 *
 *   leadone export wrist --out wrist
 *   python -m ziglang cc -O2 -Iwrist examples/stream.c wrist/<all>.c -o stream   # or gcc, clang
 *   ./stream 360 < millivolts.txt
 */
#include <stdio.h>
#include <stdlib.h>

#include "leadone.h"

static void tell(leadone *state) {
  leadone_event event;
  while (leadone_next_event(state, &event)) {
    if (event.kind == LEADONE_BEAT)
      printf("%.3f %c\n", event.of.beat.r_s, "NSVQ"[event.of.beat.label]);
    else if (event.kind == LEADONE_ALERT && event.of.alert.end_s == LEADONE_ABSENT)
      printf("%.3f alert %d\n", event.of.alert.at_s, (int)event.of.alert.kind);
  }
}

int main(int count, char **words) {
  double rate_hz = count == 2 ? strtod(words[1], NULL) : 0.0;
  size_t bytes = leadone_state_size(rate_hz); /* a device has a static array of this size */
  leadone *state = bytes ? leadone_init(malloc(bytes), bytes, rate_hz, NULL) : NULL;
  if (state == NULL) {
    fprintf(stderr, "stream: give the rate, 50 to 20000 Hz\n");
    return 2;
  }
  for (float mv; scanf("%f", &mv) == 1; tell(state))
    while (leadone_push(state, &mv, 1) == 0) tell(state);
  leadone_push(state, NULL, 0);
  tell(state);
  return 0;
}
