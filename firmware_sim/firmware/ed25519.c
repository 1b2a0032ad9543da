/* See ed25519.h. Points in extended coordinates (Hisil 2008): x = X / Z, y = Y / Z, T = X Y / Z. */
#include "ed25519.h"

#include "field.h"
#include "sha512.h"

typedef struct {
  field x, y, z, t;
} point;

static const field curve_d = {{0x135978a3, 0x75eb4dca, 0x4141d8ab, 0x00700a4d,
                               0x7779e898, 0x8cc74079, 0x2b6ffe73, 0x52036cee}}; /* -121665 / 121666 */
static const field root_of_minus_one = {{0x4a0ea0b0, 0xc4ee1b27, 0xad2fe478, 0x2f431806,
                                         0x3dfbd7a7, 0x2b4d0099, 0x4fc1df0b, 0x2b832480}};
static const field base_x = {{0x8f25d51a, 0xc9562d60, 0x9525a7b2, 0x692cc760,
                              0xfdd6dc5c, 0xc0a4e231, 0xcd6e53fe, 0x216936d3}};
static const field base_y = {{0x66666658, 0x66666666, 0x66666666, 0x66666666,
                              0x66666666, 0x66666666, 0x66666666, 0x66666666}}; /* 4 / 5 */
static const field order = {{0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de,
                             0x00000000, 0x00000000, 0x00000000, 0x10000000}}; /* the base point's, 2^252 + ... */
static const field zero = {{0}}, one = {{1}};

static void read_words(field *a, const uint8_t bytes[FIELD_BYTES]) {
  *a = zero;
  for (uint32_t k = 0; k < FIELD_BYTES; ++k) a->words[k / 4] |= (uint32_t)bytes[k] << (8 * (k % 4));
}

/* The same formula doubles: it has no exceptions on this curve. */
static void add(point *out, const point *a, const point *b) {
  field p, q, c, d, e;
  field_subtract(&p, &a->y, &a->x);
  field_subtract(&q, &b->y, &b->x);
  field_multiply(&p, &p, &q);
  field_add(&c, &a->y, &a->x);
  field_add(&q, &b->y, &b->x);
  field_multiply(&q, &c, &q);
  field_multiply(&c, &a->t, &b->t);
  field_multiply(&c, &c, &curve_d);
  field_add(&c, &c, &c);
  field_multiply(&d, &a->z, &b->z);
  field_add(&d, &d, &d);
  field_subtract(&e, &q, &p);
  field_add(&q, &q, &p);
  field_subtract(&p, &d, &c);
  field_add(&d, &d, &c);
  field_multiply(&out->x, &e, &p);
  field_multiply(&out->y, &d, &q);
  field_multiply(&out->t, &e, &q);
  field_multiply(&out->z, &p, &d);
}

/* The point of a key, negated: x^2 = (y^2 - 1) / (d y^2 + 1). */
static bool read_negated(point *a, const uint8_t key[KEY_BYTES]) {
  field u, v, power, check;
  read_words(&a->y, key);
  const uint32_t sign = a->y.words[FIELD_WORDS - 1] >> 31;
  a->y.words[FIELD_WORDS - 1] &= 0x7fffffffu;
  field_multiply(&u, &a->y, &a->y);
  field_multiply(&v, &u, &curve_d);
  field_subtract(&u, &u, &one);
  field_add(&v, &v, &one);
  field_multiply(&power, &v, &v);
  field_multiply(&power, &power, &v);     /* v^3 */
  field_multiply(&a->x, &u, &power);      /* u v^3 */
  field_multiply(&check, &power, &power);
  field_multiply(&check, &check, &v);
  field_multiply(&check, &check, &u);     /* u v^7, to the power of (p - 5) / 8 = 2^252 - 3 */
  field power_of;
  field_power(&power_of, &check, 252, 29);
  field_multiply(&a->x, &a->x, &power_of);
  field_multiply(&check, &a->x, &a->x);
  field_multiply(&check, &check, &v);
  if (!field_equal(&check, &u)) {
    field_add(&check, &check, &u);
    if (!field_equal(&check, &zero)) return false;
    field_multiply(&a->x, &a->x, &root_of_minus_one);
  }
  field_reduce(&a->x);
  if ((a->x.words[0] & 1) == sign) field_subtract(&a->x, &zero, &a->x);
  a->z = one;
  field_multiply(&a->t, &a->x, &a->y);
  return true;
}

static bool is_below_order(const uint32_t words[FIELD_WORDS]) {
  for (uint32_t k = FIELD_WORDS; k-- > 0;) {
    if (words[k] != order.words[k]) return words[k] < order.words[k];
  }
  return false;
}

/* A hash modulo the order, bit by bit. */
static void read_scalar(field *scalar, const uint8_t digest[SHA512_BYTES]) {
  *scalar = zero;
  for (uint32_t bit = 8 * SHA512_BYTES; bit-- > 0;) {
    uint32_t carry = digest[bit / 8] >> (bit % 8) & 1;
    for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
      const uint32_t word = scalar->words[k];
      scalar->words[k] = word << 1 | carry;
      carry = word >> 31;
    }
    if (is_below_order(scalar->words)) continue;
    int64_t borrow = 0;
    for (uint32_t k = 0; k < FIELD_WORDS; ++k) {
      borrow += (int64_t)scalar->words[k] - order.words[k];
      scalar->words[k] = (uint32_t)borrow;
      borrow >>= 32;
    }
  }
}

/* s B + h A, both at once. */
static void multiply(point *sum, const field *s, const field *h, const point *a) {
  point base = {.x = base_x, .y = base_y, .z = one}, both;
  field_multiply(&base.t, &base.x, &base.y);
  add(&both, &base, a);
  *sum = (point){.y = one, .z = one};
  for (uint32_t bit = 256; bit-- > 0;) {
    const uint32_t by_s = s->words[bit / 32] >> (bit % 32) & 1;
    const uint32_t by_h = h->words[bit / 32] >> (bit % 32) & 1;
    add(sum, sum, sum);
    if (by_s | by_h) add(sum, sum, by_s & by_h ? &both : by_s ? &base : a);
  }
}

bool ed25519_check(const uint8_t signature[SIGNATURE_BYTES], const uint8_t key[KEY_BYTES],
                   const void *message, uint32_t message_bytes) {
  field s, h;
  point a, sum;
  uint8_t digest[SHA512_BYTES];
  read_words(&s, signature + FIELD_BYTES);
  if (!is_below_order(s.words) || !read_negated(&a, key)) return false;
  sha512 hash;
  sha512_init(&hash);
  sha512_push(&hash, signature, FIELD_BYTES);
  sha512_push(&hash, key, KEY_BYTES);
  sha512_push(&hash, message, message_bytes);
  sha512_finish(&hash, digest);
  read_scalar(&h, digest);
  multiply(&sum, &s, &h, &a);
  field_power(&sum.z, &sum.z, 255, 11); /* p - 2 = 2^255 - 21: the inverse */
  field_multiply(&sum.x, &sum.x, &sum.z);
  field_multiply(&sum.y, &sum.y, &sum.z);
  field_reduce(&sum.x);
  field_reduce(&sum.y);
  sum.y.words[FIELD_WORDS - 1] |= sum.x.words[0] << 31;
  field r;
  read_words(&r, signature);
  uint32_t difference = 0;
  for (uint32_t k = 0; k < FIELD_WORDS; ++k) difference |= r.words[k] ^ sum.y.words[k];
  return difference == 0;
}
