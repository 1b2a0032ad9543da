/* See frame.h. */
#include "frame.h"

#include "crc32.h"

enum { LONGEST_BLOCK = 254 };

void frame_clear(frame *f) {
  f->count = 0;
  f->left = 0;
  f->ends_zero = f->is_broken = false;
}

static void put(frame *f, uint8_t byte) {
  if (f->count < FRAME_CONTENT_BYTES + FRAME_CRC_BYTES) {
    f->bytes[f->count++] = byte;
  } else {
    f->is_broken = true;
  }
}

static uint32_t little(const uint8_t *bytes) {
  return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static bool is_whole(frame *f) {
  if (f->is_broken || f->left > 0 || f->count <= FRAME_CRC_BYTES) return false;
  f->count -= FRAME_CRC_BYTES;
  return little(f->bytes + f->count) == crc32(0, f->bytes, f->count);
}

bool frame_take(frame *f, uint8_t byte) {
  if (byte == 0) {
    const bool whole = is_whole(f);
    if (!whole) frame_clear(f);
    return whole;
  }
  if (f->left > 0) {
    f->left -= 1;
    put(f, byte);
    return false;
  }
  if (f->ends_zero) put(f, 0);
  f->left = (uint8_t)(byte - 1);
  f->ends_zero = f->left < LONGEST_BLOCK;
  return false;
}

void frame_seal(frame *f) {
  const uint32_t crc = crc32(0, f->bytes, f->count);
  for (uint32_t k = 0; k < FRAME_CRC_BYTES; ++k) f->bytes[f->count + k] = (uint8_t)(crc >> 8 * k);
  const uint32_t count = f->count + FRAME_CRC_BYTES;
  const uint32_t blocks = 1 + count / (LONGEST_BLOCK + 1); /* one is split where nothing is zero */
  for (uint32_t k = count; k-- > 0;) f->bytes[k + blocks] = f->bytes[k];
  uint32_t code = 0, to = 1;
  for (uint32_t from = blocks; from < blocks + count; ++from) {
    if (to - code > LONGEST_BLOCK) {
      f->bytes[code] = (uint8_t)(to - code);
      code = to++;
    }
    if (f->bytes[from] == 0) {
      f->bytes[code] = (uint8_t)(to - code);
      code = to++;
    } else {
      f->bytes[to++] = f->bytes[from];
    }
  }
  f->bytes[code] = (uint8_t)(to - code);
  f->bytes[to++] = 0;
  f->count = to;
}
