/* See journal.h. */
#include "journal.h"

#include <stddef.h>

#include "crc32.h"
#include "device.h"
#include "layout.h"

enum { PAGE_RECORDS = FLASH_PAGE_BYTES / JOURNAL_BYTES, RECORDS = LOG_PAGES * PAGE_RECORDS };

static struct {
  uint32_t next; /* place */
  uint32_t latest;
  uint32_t boot;
} journal;

static uint32_t place_at(uint32_t place) { return LOG_AT + place * JOURNAL_BYTES; }

static const journal_record *record_at(uint32_t place) { return device_flash(place_at(place)); }

static uint32_t crc_of(const journal_record *record) {
  return crc32(0, record, offsetof(journal_record, crc));
}

static bool is_record(const journal_record *record) {
  return record->sequence != (uint32_t)FLASH_ERASED && record->crc == crc_of(record);
}

static bool is_blank(uint32_t at, uint32_t bytes) {
  const uint32_t *words = device_flash(at);
  for (uint32_t k = 0; k < bytes / 4; ++k) {
    if (words[k] != (uint32_t)FLASH_ERASED) return false;
  }
  return true;
}

void journal_open(void) {
  journal.next = journal.latest = journal.boot = 0;
  for (uint32_t place = 0; place < RECORDS; ++place) {
    const journal_record *record = record_at(place);
    if (!is_record(record) || record->sequence <= journal.latest) continue;
    journal.next = (place + 1) % RECORDS;
    journal.latest = record->sequence;
    journal.boot = record->boot;
  }
  journal.boot += 1;
}

/* A place that is blank: what an interrupted write has left is passed over. False in flash that is worn out. */
static bool find_room(void) {
  for (uint32_t tries = 0; tries < RECORDS; ++tries) {
    const uint32_t at = place_at(journal.next);
    if (journal.next % PAGE_RECORDS == 0 && !is_blank(at, FLASH_PAGE_BYTES)) device_flash_erase(at);
    if (is_blank(at, JOURNAL_BYTES)) return true;
    journal.next = (journal.next + 1) % RECORDS;
  }
  return false;
}

void journal_write(journal_record *record) {
  if (!find_room()) return;
  record->sequence = ++journal.latest;
  record->boot = journal.boot;
  record->crc = crc_of(record);
  const uint32_t *words = (const uint32_t *)record;
  const uint32_t at = place_at(journal.next);
  for (uint32_t k = 0; k < JOURNAL_WORDS; ++k) device_flash_program(at + 4 * k, words[k]);
  journal.next = (journal.next + 1) % RECORDS;
}

uint32_t journal_boot(void) { return journal.boot; }

uint32_t journal_latest(void) { return journal.latest; }

bool journal_read(uint32_t sequence, journal_record *record) {
  const journal_record *found = NULL;
  for (uint32_t place = 0; place < RECORDS; ++place) {
    const journal_record *one = record_at(place);
    const bool is_nearer = found == NULL || one->sequence < found->sequence;
    if (one->sequence >= sequence && is_nearer && is_record(one)) found = one;
  }
  if (found != NULL) *record = *found;
  return found != NULL;
}
