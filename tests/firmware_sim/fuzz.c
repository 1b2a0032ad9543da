/* The firmware in a process, under sanitizers: a thousand streams of its UART, of garbage and of commands that
 * lie. FLASH is the image of its flash, FRAMES the frames of a true update, each behind its length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "device.h"
#include "frame.h"
#include "host.h"

enum { STREAMS = 1000, ROOM = 1 << 20, MOST_FRAMES = 600 };

static uint64_t seed = 1;

static uint32_t drawn(uint32_t below) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % below;
}

static size_t read_file(const char *name, uint8_t *to, size_t room) {
  FILE *file = fopen(name, "rb");
  if (file == NULL) exit(2);
  const size_t count = fread(to, 1, room, file);
  fclose(file);
  return count;
}

static uint8_t flash[ROOM], frames[ROOM], events[ROOM], sent[ROOM];
static size_t first[MOST_FRAMES];

static void send_frame(const uint8_t *content, uint32_t count) {
  frame f;
  frame_clear(&f);
  memcpy(f.bytes, content, count);
  f.count = count;
  frame_seal(&f);
  host_receive(f.bytes, f.count);
}

/* A command of the update, now and then with a few other bytes, or another length. */
static void send_odd(const uint8_t *content, uint32_t count) {
  uint8_t bytes[FRAME_CONTENT_BYTES];
  memcpy(bytes, content, count);
  for (uint32_t k = drawn(3) ? 0 : drawn(5); k > 0; --k) bytes[drawn(count)] = (uint8_t)drawn(256);
  send_frame(bytes, drawn(10) ? count : 1 + drawn(count));
}

static void send_garbage(void) {
  uint8_t bytes[512];
  const uint32_t count = drawn(sizeof bytes);
  for (uint32_t k = 0; k < count; ++k) bytes[k] = (uint8_t)drawn(256);
  host_receive(bytes, count);
}

static void send_any_command(void) {
  uint8_t bytes[FRAME_CONTENT_BYTES];
  const uint32_t count = 1 + drawn(sizeof bytes);
  for (uint32_t k = 0; k < count; ++k) bytes[k] = (uint8_t)drawn(256);
  bytes[0] = (uint8_t)drawn(9);
  send_frame(bytes, count);
}

int main(int count, char **names) {
  if (count != 3) return 2;
  host_machine machine = {.flash = (uint32_t *)(void *)flash, .cut_at = UINT32_MAX};
  read_file(names[1], flash, sizeof flash);
  const size_t length = read_file(names[2], frames, sizeof frames);
  uint32_t known = 0;
  for (size_t at = 0; at < length && known < MOST_FRAMES; at += 1 + frames[at]) first[known++] = at;
  machine.events = (host_bytes){events, 0, sizeof events, 0};
  machine.sent = (host_bytes){sent, 0, sizeof sent, 0};
  host_start(&machine, RESET_POWER);
  for (uint32_t stream = 0; stream < STREAMS; ++stream) {
    machine.sent.count = machine.events.count = 0;
    uint32_t next = 0;
    for (uint32_t k = drawn(40); k > 0; --k) {
      const uint32_t kind = drawn(8);
      if (kind == 0) send_garbage();
      if (kind == 1) send_any_command();
      if (kind > 1) {
        const size_t at = first[drawn(20) ? next++ % known : drawn(known)];
        send_odd(frames + at + 1, frames[at]);
      }
      const int32_t code = (int32_t)drawn(2000000) - 1000000;
      const uint8_t is_off = !drawn(50);
      host_samples(&code, &is_off, 1);
    }
    device_status status;
    describe(&status);
    if (status.slot < 0) return 3;
  }
  host_start(&machine, RESET_POWER);
  device_status status;
  describe(&status);
  printf("slot %d, %u resets, %u boots\n", status.slot, (unsigned)machine.resets, (unsigned)status.boot);
  return status.slot < 0;
}
