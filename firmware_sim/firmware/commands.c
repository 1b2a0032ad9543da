/* See commands.h. */
#include "commands.h"

#include "device.h"
#include "frame.h"
#include "update.h"

enum { HEAD_BYTES = 2, ANSWER_HEAD_BYTES = 3, ANSWER = 0x80 };
enum { RECORDS_AN_ANSWER = (FRAME_CONTENT_BYTES - ANSWER_HEAD_BYTES) / JOURNAL_BYTES };

static frame received, sent;
static bool tells_events;

static void add(const void *bytes, uint32_t count) {
  __builtin_memcpy(sent.bytes + sent.count, bytes, count);
  sent.count += count;
}

static void send(void) {
  frame_seal(&sent);
  device_uart_send(sent.bytes, sent.count);
}

static uint32_t word_at(uint32_t at) {
  uint32_t word;
  __builtin_memcpy(&word, received.bytes + at, sizeof word);
  return word;
}

static void add_status(void) {
  device_status status;
  describe(&status);
  add(&status, sizeof status);
}

static void add_records(uint32_t from) {
  journal_record record;
  for (uint32_t k = 0; k < RECORDS_AN_ANSWER && journal_read(from, &record); ++k) {
    add(&record, sizeof record);
    from = record.sequence + 1;
  }
}

static uint32_t begin_update(void) {
  device_status status;
  slot_header header;
  describe(&status);
  __builtin_memcpy(&header, received.bytes + HEAD_BYTES, sizeof header);
  return update_begin(&header, status.slot);
}

static uint32_t end_update(void) {
  journal_record record = {.kind = JOURNAL_UPDATE,
                           .start_ms = (uint32_t)JOURNAL_NEVER,
                           .end_ms = (uint32_t)JOURNAL_NEVER};
  const uint32_t result = update_end(&record.value);
  if (result == UPDATE_OK) journal_write(&record);
  return result;
}

/* Behind the head; -1 where any number will do. */
static int32_t expected_bytes(uint8_t kind) {
  switch (kind) {
    case COMMAND_EVENTS: return 1;
    case COMMAND_READ_LOG: return 4;
    case COMMAND_UPDATE_BEGIN: return sizeof(slot_header);
    case COMMAND_UPDATE_DATA: return -1;
    default: return 0;
  }
}

static uint32_t obey(uint8_t kind, uint32_t count) {
  switch (kind) {
    case COMMAND_STATUS: add_status(); return UPDATE_OK;
    case COMMAND_EVENTS: tells_events = received.bytes[HEAD_BYTES] != 0; return UPDATE_OK;
    case COMMAND_READ_LOG: add_records(word_at(HEAD_BYTES)); return UPDATE_OK;
    case COMMAND_UPDATE_BEGIN: return begin_update();
    case COMMAND_UPDATE_DATA:
      if (count < 4) return COMMAND_MALFORMED;
      return update_data(word_at(HEAD_BYTES), received.bytes + HEAD_BYTES + 4, count - 4);
    case COMMAND_UPDATE_END: return end_update();
    case COMMAND_RESET: device_reset(); return UPDATE_OK;
    default: return COMMAND_UNKNOWN;
  }
}

static void answer(void) {
  const uint8_t kind = received.bytes[0];
  sent.bytes[0] = kind | ANSWER;
  sent.bytes[1] = received.bytes[1];
  sent.count = ANSWER_HEAD_BYTES;
  const uint32_t count = received.count - HEAD_BYTES;
  const int32_t expected = expected_bytes(kind);
  const bool fits = expected < 0 || count == (uint32_t)expected;
  sent.bytes[2] = (uint8_t)(fits ? obey(kind, count) : COMMAND_MALFORMED);
  send();
}

void commands_open(void) {
  frame_clear(&received);
  tells_events = false;
  update_open();
}

void commands_take(uint8_t byte) {
  if (!frame_take(&received, byte)) return;
  if (received.count >= HEAD_BYTES && received.bytes[0] < COMMAND_EVENT) answer();
  frame_clear(&received);
}

static void tell(command_kind kind, const void *content, uint32_t count) {
  sent.bytes[0] = (uint8_t)kind;
  sent.count = 1;
  add(content, count);
  send();
}

void commands_tell(const leadone_event *event) {
  if (tells_events) tell(COMMAND_EVENT, event, sizeof *event);
}

void commands_tell_fault(const journal_record *fault) { tell(COMMAND_FAULT, fault, sizeof *fault); }
