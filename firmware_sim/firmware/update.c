/* See update.h. */
#include "update.h"

#include "device.h"

static struct {
  slot_header header;
  uint32_t slot;
  uint32_t received; /* behind the header */
  uint32_t pointers; /* met so far */
  bool is_begun;
} update;

void update_open(void) { update.is_begun = false; }

static void erase_page(uint32_t offset) {
  device_flash_erase(slot_address(update.slot) + offset / FLASH_PAGE_BYTES * FLASH_PAGE_BYTES);
}

update_result update_begin(const slot_header *header, int32_t in_use) {
  update.is_begun = false;
  if (!trusts_a_key) return UPDATE_NO_KEY;
  if (header->magic != SLOT_MAGIC || header->layout != MODEL_LAYOUT) return UPDATE_MISFIT;
  if (slot_bytes(header) == 0) return UPDATE_MISFIT;
  if (in_use >= 0 && header->sequence <= slot_at((uint32_t)in_use)->sequence) return UPDATE_OLD;
  update.header = *header;
  update.slot = in_use == 0 ? 1 : 0;
  update.received = update.pointers = 0;
  update.is_begun = true;
  erase_page(0); /* the old header, first of all */
  erase_page(SLOT_BYTES - 1);
  return UPDATE_OK;
}

/* A word of the image as it has to stand in this slot. */
static uint32_t moved(uint32_t offset, uint32_t word) {
  const slot_header *header = &update.header;
  const uint32_t image_at = slot_image_at(header), at = slot_address(update.slot);
  if (offset < image_at || update.pointers == header->pointers) return word;
  const uint16_t *pointers = device_flash(at + sizeof *header);
  if (pointers[update.pointers] != (offset - image_at) / 4) return word;
  update.pointers += 1;
  return word + at + image_at;
}

static void write_word(const uint8_t *bytes) {
  uint32_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  const uint32_t offset = sizeof(slot_header) + update.received;
  const uint32_t page = offset / FLASH_PAGE_BYTES;
  if (offset % FLASH_PAGE_BYTES == 0 && page < SLOT_BYTES / FLASH_PAGE_BYTES - 1) erase_page(offset);
  device_flash_program(slot_address(update.slot) + offset, moved(offset, word));
  update.received += 4;
}

static uint32_t expected(void) { return slot_bytes(&update.header) - sizeof(slot_header); }

update_result update_data(uint32_t offset, const uint8_t *bytes, uint32_t count) {
  if (!update.is_begun || count % 4) return UPDATE_MALFORMED;
  if (offset != update.received || count > expected() - update.received) return UPDATE_MALFORMED;
  for (; count > 0; count -= 4, bytes += 4) write_word(bytes);
  return UPDATE_OK;
}

update_result update_end(uint32_t *sequence) {
  if (!update.is_begun || update.received != expected()) return UPDATE_MALFORMED;
  const uint8_t *bytes = (const uint8_t *)&update.header;
  const uint32_t at = slot_address(update.slot);
  for (uint32_t k = sizeof update.header; k > 0; k -= 4) { /* the magic comes last */
    uint32_t word;
    __builtin_memcpy(&word, bytes + k - 4, sizeof word);
    device_flash_program(at + k - 4, word);
  }
  update.is_begun = false;
  *sequence = update.header.sequence;
  return UPDATE_OK;
}
