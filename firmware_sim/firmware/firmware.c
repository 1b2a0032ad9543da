/* Interrupts, rings and a loop that sleeps: samples in, events out, commands answered, all that matters
 * kept in flash.
 *
 * The build gives FRONT_END_RATE_HZ, FRONT_END_ZERO and FRONT_END_STEP_MV, and STATE_BYTES, the memory that
 * there is for a model's stream.
 */
#include "bytes.h"
#include "commands.h"
#include "device.h"
#include "journal.h"
#include "leadone.h"
#include "ring.h"
#include "slots.h"

#define LEAD_OFF INT32_MIN /* in place of a code */

enum { WATCHED_EVERY = 16 }; /* samples a word of the slot: 23 minutes a round */

static const double proved_after_s = 30.0;
static const double latest_beat_s = 10.0; /* a beat is told sooner than this after it was */

static ring samples;
static bytes received;
static double memory[STATE_BYTES / sizeof(double)];
static leadone *monitor; /* NULL without a model */
static uint32_t taken, lost; /* samples heard; those for which the ring had no room stood in for so far */
static uint32_t shown;       /* alerts */
static int32_t rhythm;       /* the last that was told */
static int32_t slot;
static slot_verdict verdicts[SLOTS];

void sample_interrupt(void) {
  int32_t code;
  ring_put(&samples, device_sample(&code) ? code : LEAD_OFF);
}

void uart_interrupt(void) { bytes_put(&received, device_uart_byte()); }

static double now_s(void) { return taken / FRONT_END_RATE_HZ; }

static uint32_t in_ms(double seconds) {
  return seconds < 0 ? (uint32_t)JOURNAL_NEVER : (uint32_t)(seconds * 1e3);
}

static journal_record note(journal_kind kind, uint32_t value, double start_s, double end_s) {
  journal_record record = {.kind = (uint32_t)kind, .value = value, .at_ms = in_ms(now_s()),
                           .start_ms = in_ms(start_s), .end_ms = in_ms(end_s)};
  journal_write(&record);
  return record;
}

/* Nothing that was computed can be trusted any more: say so, and begin anew. */
static void give_up(journal_fault fault) {
  note(JOURNAL_FAULT, (uint32_t)fault, JOURNAL_NEVER, JOURNAL_NEVER);
  device_reset();
}

void describe(device_status *status) {
  *status = (device_status){.samples = taken,
                            .overruns = samples.overruns,
                            .uart_overruns = received.overruns,
                            .boot = journal_boot(),
                            .latest_record = journal_latest(),
                            .sequence = slot < 0 ? 0 : slot_at((uint32_t)slot)->sequence,
                            .reset_cause = (uint8_t)device_why_reset(),
                            .slot = (int8_t)slot};
  for (uint32_t k = 0; k < SLOTS; ++k) status->verdicts[k] = (uint8_t)verdicts[k];
}

/* The first number of every kind of event is a time. */
static bool is_plausible(const leadone_event *event) {
  const double at_s = event->of.beat.r_s, after_s = now_s() - at_s;
  if (!(at_s >= 0 && after_s >= 0)) return false;
  if (event->kind == LEADONE_BEAT) return after_s < latest_beat_s && (uint32_t)event->of.beat.label <= LEADONE_Q;
  return event->kind > LEADONE_BEAT && event->kind <= LEADONE_QUALITY;
}

static void tell_alert(const leadone_alert *alert) {
  const uint32_t bit = 1u << alert->kind;
  shown = alert->end_s < 0 ? shown | bit : shown & ~bit;
  device_show_alerts(shown);
  note(JOURNAL_ALERT, (uint32_t)alert->kind, alert->start_s, alert->end_s);
}

static void tell_quality(const leadone_quality *quality) {
  const uint32_t value = (uint32_t)quality->state | (uint32_t)quality->reason << 8;
  note(JOURNAL_QUALITY, value, quality->start_s, quality->end_s);
}

static void tell_rhythm(const leadone_rhythm *told) {
  if (told->label == rhythm) return;
  rhythm = told->label;
  note(JOURNAL_RHYTHM, (uint32_t)rhythm, told->start_s, told->end_s);
}

static void drain(void) {
  leadone_event event;
  while (leadone_next_event(monitor, &event)) {
    if (!is_plausible(&event)) give_up(FAULT_EVENT);
    device_tell(&event, sizeof event);
    commands_tell(&event);
    if (event.kind == LEADONE_ALERT) tell_alert(&event.of.alert);
    if (event.kind == LEADONE_QUALITY) tell_quality(&event.of.quality);
    if (event.kind == LEADONE_RHYTHM) tell_rhythm(&event.of.rhythm);
  }
}

static float in_mv(int32_t code) {
  if (code == LEAD_OFF) return __builtin_nanf("");
  return (float)(code - FRONT_END_ZERO) * FRONT_END_STEP_MV;
}

static void hear(float mv) {
  taken += 1;
  if (monitor == NULL) return;
  while (leadone_push(monitor, &mv, 1) == 0) drain();
  drain();
  if (taken % WATCHED_EVERY == 0 && !slot_watch((uint32_t)slot)) give_up(FAULT_SLOT);
  if (taken == (uint32_t)(proved_after_s * FRONT_END_RATE_HZ)) slot_prove((uint32_t)slot);
}

static void use_model(const slot_header *header) {
  device_use_model((const uint8_t *)header + slot_image_at(header));
}

static size_t bytes_needed(const slot_header *header) {
  use_model(header);
  return leadone_state_size(FRONT_END_RATE_HZ);
}

bool has_room_for(const slot_header *header) { return bytes_needed(header) <= sizeof memory; }

/* A model that the device has no memory for is passed over: it stays awake, says why, and takes another. */
static void tell_too_large(void) {
  for (uint32_t k = 0; k < SLOTS; ++k) {
    if (verdicts[k] != SLOT_TOO_LARGE) continue;
    const uint32_t value = FAULT_MODEL | (uint32_t)bytes_needed(slot_at(k)) << 8;
    const journal_record fault = note(JOURNAL_FAULT, value, JOURNAL_NEVER, JOURNAL_NEVER);
    commands_tell_fault(&fault);
  }
}

static void begin_monitor(void) {
  use_model(slot_at((uint32_t)slot));
  monitor = leadone_init(memory, sizeof memory, FRONT_END_RATE_HZ, NULL);
}

void firmware_boot(void) {
  samples = (ring){.written = 0};
  received = (bytes){.written = 0};
  monitor = NULL;
  taken = lost = shown = 0;
  rhythm = -1;
  commands_open();
  journal_open();
  slot = slots_choose(verdicts);
  const uint32_t value = (uint32_t)device_why_reset() | ((uint32_t)slot & 0xff) << 8 |
                         (uint32_t)verdicts[0] << 16 | (uint32_t)verdicts[1] << 24;
  note(JOURNAL_BOOT, value, JOURNAL_NEVER, JOURNAL_NEVER);
  device_show_alerts(0);
  tell_too_large();
  if (slot != SLOT_NONE) begin_monitor();
}

/* The dog is fed as long as samples are heard; a model that can't begin leaves it hungry, so that the
 * slot is tried again, and then the other one.
 */
void firmware_turn(void) {
  int32_t code;
  uint8_t byte;
  while (bytes_take(&received, &byte)) commands_take(byte);
  while (ring_take(&samples, &code)) {
    hear(in_mv(code));
    if (monitor != NULL || slot == SLOT_NONE) device_feed_watchdog();
  }
  for (; lost != samples.overruns; ++lost) hear(__builtin_nanf(""));
}
