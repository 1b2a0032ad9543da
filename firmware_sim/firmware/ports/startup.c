/* The vectors, and memory as C wants it before main. */
#include <stdint.h>

extern uint32_t image_stack[], image_data[], image_data_end[], image_data_source[];
extern uint32_t image_zero[], image_zero_end[];

int main(void);
void sample_interrupt(void);
void uart_interrupt(void);
void tick_interrupt(void);
void reset(void);
static void stop(void);

typedef union {
  void (*handler)(void);
  uint32_t *stack;
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[18] = {
    {.stack = image_stack}, {reset}, {stop}, {stop}, {stop}, {stop}, {stop}, {stop}, {stop},
    {stop}, {stop}, {stop}, {stop}, {stop}, {stop}, {tick_interrupt}, {sample_interrupt},
    {uart_interrupt}};

/* A fault ends here: the watchdog resets the device. */
static void stop(void) {
  for (;;) {
  }
}

/* Of a port that takes its samples by the system's timer. */
__attribute__((weak)) void tick_interrupt(void) { stop(); }

void reset(void) {
  *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: the floating-point unit is on */
  __asm__ volatile("dsb\n isb");
  const uint32_t *from = image_data_source;
  for (uint32_t *to = image_data; to != image_data_end; ++to) *to = *from++;
  for (uint32_t *to = image_zero; to != image_zero_end; ++to) *to = 0;
  main();
  stop();
}
