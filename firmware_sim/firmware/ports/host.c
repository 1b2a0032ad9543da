/* The port to a process: the same sources as a library of this machine, for thousands of recordings and for
 * faults at any operation of the flash. The model is the one that is linked in.
 */
#include <setjmp.h>
#include <stddef.h>

#include "device.h"
#include "host.h"
#include "layout.h"

static host_machine *host;
static jmp_buf out_of_firmware;

enum { WENT_ON, LOST_POWER, RESET };

static uint32_t *word_of(uint32_t at) { return host->flash + at / 4; }

bool device_sample(int32_t *code) {
  *code = host->code;
  return !host->is_off;
}

uint8_t device_uart_byte(void) { return host->byte; }

static void keep(host_bytes *kept, const void *bytes, uint32_t count) {
  if (count > kept->room - kept->count) {
    kept->missed += count;
    return;
  }
  __builtin_memcpy(kept->bytes + kept->count, bytes, count);
  kept->count += count;
}

void device_uart_send(const void *bytes, uint32_t count) { keep(&host->sent, bytes, count); }

void device_tell(const void *event, uint32_t bytes) { keep(&host->events, event, bytes); }

void device_show_alerts(uint32_t bits) { host->alerts = bits; }

void device_feed_watchdog(void) { host->feedings += 1; }

const void *device_flash(uint32_t at) { return word_of(at); }

/* What is left of an operation in whose middle power goes: some bits of `noise`. */
static uint32_t noise(void) { return host->noise = host->noise * 1664525u + 1013904223u; }

static bool is_cut(void) { return host->operations++ == host->cut_at; }

void device_flash_program(uint32_t at, uint32_t word) {
  uint32_t *place = word_of(at);
  const bool cut = is_cut();
  *place &= cut ? word | noise() : word;
  if (cut) longjmp(out_of_firmware, LOST_POWER);
}

void device_flash_erase(uint32_t page_at) {
  uint32_t *place = word_of(page_at / FLASH_PAGE_BYTES * FLASH_PAGE_BYTES);
  const bool cut = is_cut();
  for (uint32_t k = 0; k < FLASH_PAGE_BYTES / 4; ++k) place[k] |= cut ? noise() : ~0u;
  if (cut) longjmp(out_of_firmware, LOST_POWER);
}

device_reset_cause device_why_reset(void) { return (device_reset_cause)host->reset_cause; }

void device_reset(void) { longjmp(out_of_firmware, RESET); }

void device_use_model(const void *image) { (void)image; }

void device_sleep(void) {}

/* One call of the firmware; what it asks to happen, happens. False where power was lost. */
static bool guarded(void (*call)(void)) {
  switch (setjmp(out_of_firmware)) {
    case LOST_POWER: return false;
    case RESET:
      host->resets += 1;
      host->reset_cause = RESET_ASKED;
      firmware_boot();
      return true;
    default: call(); return true;
  }
}

bool host_start(host_machine *machine, uint32_t cause) {
  host = machine;
  host->reset_cause = cause;
  return guarded(firmware_boot);
}

bool host_samples(const int32_t *codes, const uint8_t *is_off, uint32_t count) {
  for (uint32_t k = 0; k < count; ++k) {
    host->code = codes[k], host->is_off = is_off[k];
    sample_interrupt();
    if (!guarded(firmware_turn)) return false;
  }
  return true;
}

bool host_receive(const uint8_t *bytes, uint32_t count) {
  for (uint32_t k = 0; k < count; ++k) {
    host->byte = bytes[k];
    uart_interrupt();
    if (k % HOST_BYTES_A_TURN == HOST_BYTES_A_TURN - 1 && !guarded(firmware_turn)) return false;
  }
  return guarded(firmware_turn);
}
