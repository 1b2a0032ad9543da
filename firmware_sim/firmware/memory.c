/* What compilers call for in place of a libc: bytes moved and set. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
void __aeabi_memcpy(void *to, const void *from, size_t n);
void __aeabi_memcpy4(void *to, const void *from, size_t n);
void __aeabi_memcpy8(void *to, const void *from, size_t n);
void __aeabi_memmove(void *to, const void *from, size_t n);
void __aeabi_memset(void *to, size_t n, int value);
void __aeabi_memclr(void *to, size_t n);
void __aeabi_memclr4(void *to, size_t n);
void __aeabi_memclr8(void *to, size_t n);

static int are_words(const void *a, const void *b) {
  return (((uintptr_t)a | (uintptr_t)b) & 3) == 0;
}

void *memcpy(void *to, const void *from, size_t n) {
  uint8_t *a = to;
  const uint8_t *b = from;
  if (are_words(a, b)) {
    for (; n >= 4; n -= 4, a += 4, b += 4) *(uint32_t *)(void *)a = *(const uint32_t *)(const void *)b;
  }
  for (; n > 0; --n) *a++ = *b++;
  return to;
}

void *memmove(void *to, const void *from, size_t n) {
  uint8_t *a = to;
  const uint8_t *b = from;
  if (a <= b) return memcpy(to, from, n);
  while (n-- > 0) a[n] = b[n];
  return to;
}

void *memset(void *to, int value, size_t n) {
  uint8_t *a = to;
  const uint32_t word = 0x01010101u * (uint8_t)value;
  if (are_words(a, a)) {
    for (; n >= 4; n -= 4, a += 4) *(uint32_t *)(void *)a = word;
  }
  for (; n > 0; --n) *a++ = (uint8_t)value;
  return to;
}

void __aeabi_memcpy(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memcpy4(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memcpy8(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void __aeabi_memmove(void *to, const void *from, size_t n) { memmove(to, from, n); }
void __aeabi_memset(void *to, size_t n, int value) { memset(to, value, n); }
void __aeabi_memclr(void *to, size_t n) { memset(to, 0, n); }
void __aeabi_memclr4(void *to, size_t n) { memset(to, 0, n); }
void __aeabi_memclr8(void *to, size_t n) { memset(to, 0, n); }
