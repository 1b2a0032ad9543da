/* The port to QEMU's MPS2 and MPS3 boards: SysTick takes the samples, in virtual time; files of the host, by
 * semihosting, hold codes, events, what the UART sends, and at the end what the firmware says of itself. Memory stands for flash.
 *
 * The build gives TICK_HZ, the system timer's clock.
 */
#include "commands.h"
#include "device.h"
#include "layout.h"

enum { OPEN = 1, CLOSE, WRITE = 5, READ, EXIT = 0x20 };
enum { OPEN_READ = 1, OPEN_WRITE = 5, STOPPED_BY_ITSELF = 0x20026 };
enum { CODES_AT_ONCE = 256 };

static const int32_t lead_off = INT32_MIN; /* in place of a code */

static int32_t codes[CODES_AT_ONCE];
static uint32_t held, used;
static int32_t code_file, event_file, uart_file;
static volatile bool is_over;
static bool is_running;
static uint32_t spent; /* ticks, from each sample to the sleep behind its work */
static int32_t code;

static int32_t call(int32_t operation, const void *arguments) {
  register int32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static int32_t open_file(const char *name, uint32_t length, uint32_t mode) {
  const uint32_t arguments[] = {(uint32_t)(uintptr_t)name, mode, length};
  return call(OPEN, arguments);
}

static void write_file(int32_t file, const void *bytes, uint32_t count) {
  const uint32_t arguments[] = {(uint32_t)file, (uint32_t)(uintptr_t)bytes, count};
  call(WRITE, arguments);
}

static void read_codes(void) {
  const uint32_t arguments[] = {(uint32_t)code_file, (uint32_t)(uintptr_t)codes, sizeof codes};
  held = (sizeof codes - (uint32_t)call(READ, arguments)) / sizeof codes[0];
  used = 0;
}

static void leave(uint32_t code_of_exit) {
  const uint32_t arguments[] = {STOPPED_BY_ITSELF, code_of_exit};
  call(EXIT, arguments);
}

void tick_interrupt(void);

void tick_interrupt(void) {
  if (used == held) read_codes();
  if (held == 0) {
    is_over = true;
    return;
  }
  code = codes[used++];
  sample_interrupt();
}

bool device_sample(int32_t *sample) {
  *sample = code;
  return code != lead_off;
}

uint8_t device_uart_byte(void) { return 0; }

/* From the boot on, which comes before the first sleep. */
void device_uart_send(const void *bytes, uint32_t count) {
  if (uart_file == 0) uart_file = open_file("uart.bin", 8, OPEN_WRITE);
  write_file(uart_file, bytes, count);
}

void device_tell(const void *event, uint32_t bytes) { write_file(event_file, event, bytes); }
void device_show_alerts(uint32_t bits) { (void)bits; }
void device_feed_watchdog(void) {}
device_reset_cause device_why_reset(void) { return RESET_POWER; }
void device_reset(void) { leave(RESET_ASKED); }

void device_flash_program(uint32_t at, uint32_t word) { *(volatile uint32_t *)(uintptr_t)at &= word; }

void device_flash_erase(uint32_t page_at) {
  volatile uint32_t *words = (volatile uint32_t *)(uintptr_t)page_at;
  for (uint32_t k = 0; k < FLASH_PAGE_BYTES / 4; ++k) words[k] = (uint32_t)FLASH_ERASED;
}

static volatile uint32_t *const timer = (volatile uint32_t *)0xE000E010u;

enum { CONTROL, RELOAD, VALUE };

static void start_ticks(void) {
  timer[RELOAD] = (uint32_t)(TICK_HZ / FRONT_END_RATE_HZ) - 1;
  timer[VALUE] = 0;
  timer[CONTROL] = 7;
}

static void begin(void) {
  code_file = open_file("codes.bin", 9, OPEN_READ);
  event_file = open_file("events.bin", 10, OPEN_WRITE);
  start_ticks();
}

static void end(void) {
  device_status status;
  describe(&status);
  const int32_t file = open_file("status.bin", 10, OPEN_WRITE);
  write_file(file, &status, sizeof status);
  write_file(file, &spent, sizeof spent);
  call(CLOSE, &file);
  call(CLOSE, &event_file);
  leave(0);
}

void device_sleep(void) {
  if (is_running) {
    spent += timer[RELOAD] - timer[VALUE];
  } else {
    begin();
  }
  is_running = true;
  if (is_over) end();
  __asm__ volatile("wfi");
}
