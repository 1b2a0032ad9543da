/* The inline functions of core.h and two members of structs, for the tests to call. */
#include <stddef.h>

#include "quality.h"

bool test_finite(float x);
float test_round_evenf(float x);
int64_t test_scaled_by(int64_t x, int32_t factor);
int32_t test_quality_reasons(void);

bool test_finite(float x) { return lo_finite(x); }

float test_round_evenf(float x) { return lo_round_evenf(x); }

int64_t test_scaled_by(int64_t x, int32_t factor) { return lo_scaled_by(x, factor); }

int32_t test_quality_reasons(void) { return (int32_t)offsetof(lo_quality, reasons); }
