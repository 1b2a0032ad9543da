/* See slots.h. */
#include "slots.h"

#include <stddef.h>

#include "device.h"

uint32_t slot_address(uint32_t slot) { return SLOT_AT + slot * SLOT_BYTES; }

const slot_header *slot_at(uint32_t slot) { return device_flash(slot_address(slot)); }

static uint32_t trial_address(uint32_t slot) {
  return slot_address(slot) + SLOT_BYTES - sizeof(slot_trial);
}

static const slot_trial *trial_of(uint32_t slot) { return device_flash(trial_address(slot)); }

uint32_t slot_image_at(const slot_header *header) {
  return (sizeof *header + header->pointers * sizeof(uint16_t) + 7) / 8 * 8;
}

uint32_t slot_bytes(const slot_header *header) {
  if (header->pointers > SLOT_BYTES / 4 || header->image_bytes > SLOT_BYTES) return 0;
  if (header->image_bytes % 8 || header->image_bytes < sizeof(lo_model)) return 0;
  const uint32_t bytes = slot_image_at(header) + header->image_bytes;
  return bytes <= SLOT_BYTES - sizeof(slot_trial) ? bytes : 0;
}

/* Hash a slot as it was sent; false where a pointer would lead out of the image. */
static bool hash_slot(uint32_t slot, uint8_t digest[SHA512_BYTES]) {
  const slot_header *header = slot_at(slot);
  const uint32_t table_bytes = slot_image_at(header) - sizeof *header;
  const uint32_t image_at = slot_address(slot) + slot_image_at(header);
  const uint16_t *pointers = (const uint16_t *)(const void *)(header + 1);
  const uint32_t *words = device_flash(image_at);
  sha512 hash;
  sha512_init(&hash);
  sha512_push(&hash, pointers, table_bytes);
  uint32_t next = 0;
  for (uint32_t k = 0; k < header->image_bytes / 4; ++k) {
    uint32_t word = words[k];
    if (next < header->pointers && pointers[next] == k) {
      word -= image_at;
      if (word >= header->image_bytes) return false;
      next += 1;
    }
    sha512_push(&hash, &word, sizeof word);
  }
  sha512_finish(&hash, digest);
  return next == header->pointers;
}

static bool is_same(const uint8_t *a, const uint8_t *b) {
  uint32_t difference = 0;
  for (uint32_t k = 0; k < SHA512_BYTES; ++k) difference |= (uint32_t)(a[k] ^ b[k]);
  return difference == 0;
}

static bool is_built_in(const slot_header *header) { return is_same(header->hash, built_with); }

static bool is_signed(const slot_header *header) {
  return trusts_a_key && ed25519_check(header->signature, trusted_key, header,
                                       offsetof(slot_header, signature));
}

static bool is_tried_out(uint32_t slot) {
  const slot_trial *trial = trial_of(slot);
  if (trial->proved != (uint32_t)FLASH_ERASED) return false;
  return trial->tries[SLOT_TRIES - 1] != (uint32_t)FLASH_ERASED;
}

static slot_verdict judge(uint32_t slot) {
  const slot_header *header = slot_at(slot);
  uint8_t digest[SHA512_BYTES];
  if (header->magic == (uint32_t)FLASH_ERASED) return SLOT_EMPTY;
  if (header->magic != SLOT_MAGIC || header->layout != MODEL_LAYOUT) return SLOT_MISFIT;
  if (slot_bytes(header) == 0) return SLOT_MISFIT;
  if (!hash_slot(slot, digest) || !is_same(digest, header->hash)) return SLOT_DAMAGED;
  if (!is_built_in(header)) {
    if (!is_signed(header)) return SLOT_UNTRUSTED;
    if (is_tried_out(slot)) return SLOT_FAILED;
  }
  return has_room_for(header) ? SLOT_GOOD : SLOT_TOO_LARGE;
}

static void count_try(uint32_t slot) {
  const slot_trial *trial = trial_of(slot);
  if (trial->proved != (uint32_t)FLASH_ERASED || is_built_in(slot_at(slot))) return;
  uint32_t k = 0;
  while (k < SLOT_TRIES - 1 && trial->tries[k] != (uint32_t)FLASH_ERASED) ++k;
  device_flash_program(trial_address(slot) + offsetof(slot_trial, tries) + 4 * k, 0);
}

static struct {
  uint32_t bytes, next, sum, expected;
} watched;

static uint32_t added(uint32_t sum, uint32_t word) { return (sum << 1 | sum >> 31) ^ word; }

int32_t slots_choose(slot_verdict verdicts[SLOTS]) {
  int32_t chosen = SLOT_NONE;
  for (uint32_t slot = 0; slot < SLOTS; ++slot) {
    verdicts[slot] = judge(slot);
    if (verdicts[slot] != SLOT_GOOD) continue;
    const bool is_newer = chosen < 0 || slot_at(slot)->sequence > slot_at((uint32_t)chosen)->sequence;
    if (is_newer) chosen = (int32_t)slot;
  }
  if (chosen < 0) return chosen;
  count_try((uint32_t)chosen);
  const uint32_t *words = device_flash(slot_address((uint32_t)chosen));
  watched.bytes = slot_bytes(slot_at((uint32_t)chosen));
  watched.next = watched.sum = watched.expected = 0;
  for (uint32_t k = 0; k < watched.bytes / 4; ++k) watched.expected = added(watched.expected, words[k]);
  return chosen;
}

void slot_prove(uint32_t slot) {
  if (trial_of(slot)->proved != (uint32_t)FLASH_ERASED || is_built_in(slot_at(slot))) return;
  device_flash_program(trial_address(slot) + offsetof(slot_trial, proved), 0);
}

bool slot_watch(uint32_t slot) {
  const uint32_t *words = device_flash(slot_address(slot));
  watched.sum = added(watched.sum, words[watched.next]);
  watched.next += 1;
  if (watched.next < watched.bytes / 4) return true;
  const bool is_kept = watched.sum == watched.expected;
  watched.next = watched.sum = 0;
  return is_kept;
}
