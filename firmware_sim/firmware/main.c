/* A sample interrupt, a ring and a loop that sleeps: samples from the front end in, events out.
 *
 * FRONT_END_RATE_HZ, FRONT_END_ZERO and FRONT_END_STEP_MV come from the board's front end.
 */
#include <stddef.h>

#include "device.h"
#include "leadone.h"
#include "ring.h"

#define STATE_BYTES 18432
#define LEAD_OFF INT32_MIN /* in place of a code */

void sample_interrupt(void);
int main(void);

static ring samples;
static double memory[STATE_BYTES / sizeof(double)];
static uint32_t lost; /* samples for which the ring had no room, stood in for so far */

void sample_interrupt(void) {
  const int32_t code = DEVICE->adc_code;
  ring_put(&samples, DEVICE->adc_status & DEVICE_LEAD_OFF ? LEAD_OFF : code);
}

static float in_mv(int32_t code) {
  if (code == LEAD_OFF) return __builtin_nanf("");
  return (float)(code - FRONT_END_ZERO) * FRONT_END_STEP_MV;
}

static void tell(const leadone_event *event) {
  DEVICE->link_length = sizeof *event;
  DEVICE->link_start = (uint32_t)(uintptr_t)event;
}

static void show_alert(const leadone_alert *alert) {
  static uint32_t shown;
  const uint32_t bit = 1u << alert->kind;
  shown = alert->end_s < 0 ? shown | bit : shown & ~bit;
  DEVICE->alert = shown;
}

static void drain(leadone *state) {
  leadone_event event;
  while (leadone_next_event(state, &event)) {
    if (event.kind == LEADONE_ALERT) show_alert(&event.of.alert);
    tell(&event);
  }
}

static void hear(leadone *state, float mv) {
  while (leadone_push(state, &mv, 1) == 0) drain(state);
  drain(state);
}

int main(void) {
  leadone *state = leadone_init(memory, sizeof memory, FRONT_END_RATE_HZ, NULL);
  if (state == NULL) return 1;
  for (;;) {
    int32_t code;
    while (ring_take(&samples, &code)) {
      hear(state, in_mv(code));
      DEVICE->watchdog = 1;
    }
    for (; lost != samples.overruns; ++lost) hear(state, __builtin_nanf(""));
    __asm__ volatile("wfi");
  }
}
