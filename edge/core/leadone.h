/* leadone: one lead of ECG in; beats, waves, rhythm, quality and alerts out.
 *
 * C99, no heap, no libc: the caller gives the memory. Research use only; not a medical device.
 *
 *   static double memory[2500];  // leadone_state_size(250.0) bytes: 19,204 for the wrist
 *   leadone *state = leadone_init(memory, sizeof memory, 250.0, NULL);
 *   leadone_event event;
 *   for (;;) {
 *     size_t n = read_adc(mv, 32), used = 0;              // mV, NaN where a sample is missing
 *     while (used < n) {
 *       used += leadone_push(state, mv + used, n - used);  // stops where events wait
 *       while (leadone_next_event(state, &event)) handle(&event);
 *     }
 *   }
 *
 * The work on 64 ms of signal is spread over the samples of the next 64 ms, so that no call takes
 * long: the worst sample takes 3.8 times the average.
 *
 * The events of a record do not depend on the sizes of its chunks, and are the same bytes on every
 * machine. Times are in seconds from the record's first sample.
 */
#ifndef LEADONE_H
#define LEADONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LEADONE_ABSENT (-1.0) /* of a time: no such wave, or still going on */

enum { LEADONE_MOST_BLOCKED = 6, LEADONE_MOST_FINDINGS = 16, LEADONE_MOST_EVIDENCE = 32 };
enum { LEADONE_MOST_RATE_BEATS = 8, LEADONE_MOST_FREQUENT_BEATS = 8, LEADONE_MOST_RR = 8 };

typedef enum { LEADONE_BEAT = 1, LEADONE_RHYTHM, LEADONE_ALERT, LEADONE_QUALITY } leadone_kind;
typedef enum { LEADONE_N, LEADONE_S, LEADONE_V, LEADONE_Q } leadone_label;
typedef enum { LEADONE_NORMAL, LEADONE_AF, LEADONE_OTHER, LEADONE_NOISE } leadone_rhythm_label;
typedef enum {
  LEADONE_AF_SUSPECTED,
  LEADONE_BRADYCARDIA,
  LEADONE_DROPPED_BEATS,
  LEADONE_LEAD_OFF_ALERT,
  LEADONE_PAUSE,
  LEADONE_PR_LONG,
  LEADONE_QTC_LONG,
  LEADONE_REVERSED_HANDS,
  LEADONE_TACHYCARDIA,
  LEADONE_V_BIGEMINY,
  LEADONE_V_COUPLET,
  LEADONE_V_FREQUENT,
  LEADONE_V_RUN,
  LEADONE_ALERTS
} leadone_alert_kind;
typedef enum { LEADONE_GOOD, LEADONE_NOISY, LEADONE_LEAD_OFF } leadone_state;
typedef enum {
  LEADONE_FINE,
  LEADONE_MISSING, /* lead off */
  LEADONE_FLAT,
  LEADONE_DRIFTING,
  LEADONE_CLIPPED, /* noisy */
  LEADONE_MUSCLE,
  LEADONE_UNREADABLE,
  LEADONE_MOTION,
  LEADONE_POWERLINE /* good: the notches take it away */
} leadone_reason;

typedef struct {
  double r_s, qrs_on_s, qrs_off_s, p_on_s, p_off_s, t_on_s, t_off_s;
  double blocked_p_s[LEADONE_MOST_BLOCKED][2]; /* P waves since the last beat, none answered */
  float confidence;                            /* 0 to 1 */
  int32_t label;                               /* leadone_label */
  int32_t blocked_count;
  int32_t reserved;
} leadone_beat;

typedef struct {
  double start_s, end_s;
  int32_t label; /* leadone_rhythm_label */
  int32_t finding_count, evidence_count;
  float probabilities[4];
  float findings[LEADONE_MOST_FINDINGS]; /* probabilities, in the order of the manifest */
  float evidence[LEADONE_MOST_EVIDENCE];
  int32_t reserved;
} leadone_rhythm;

typedef struct {
  double at_s, start_s, end_s; /* known at, begun at, ended at */
  int32_t kind;                /* leadone_alert_kind */
  int32_t rr_count;
  float confidence; /* 0 to 1 */
  float rr_s[LEADONE_MOST_RR]; /* of the last beats told, the last one ends at the last of them */
  int32_t reserved;
} leadone_alert;

typedef struct {
  double start_s, end_s;
  int32_t state;  /* leadone_state */
  int32_t reason; /* leadone_reason */
} leadone_quality;

typedef struct {
  int32_t kind; /* leadone_kind */
  int32_t reserved;
  union {
    leadone_beat beat;
    leadone_rhythm rhythm;
    leadone_alert alert;
    leadone_quality quality;
  } of;
} leadone_event;

/* Of the alerts; edge/alerts.py says where the defaults come from, docs/alerts.toml what each is. */
typedef struct {
  double bradycardia_on_bpm, bradycardia_off_bpm;
  double tachycardia_on_bpm, tachycardia_off_bpm;
  double rate_hold_s, pause_s, af_on, af_off, lead_off_s;
  double pr_long_ms, qtc_long_ms, share_on, share_off;
  double dropped_within_s, v_frequent_within_s;
  int32_t rate_beats;       /* at most LEADONE_MOST_RATE_BEATS */
  int32_t af_windows;       /* at least 1 */
  int32_t v_frequent_beats; /* at most LEADONE_MOST_FREQUENT_BEATS */
  int32_t v_bigeminy_pairs; /* at least 2 */
  int32_t v_run_beats;      /* at least 3 */
  float refractory_s[LEADONE_ALERTS]; /* by leadone_alert_kind */
} leadone_limits;

typedef struct {
  bool is_other_lead;           /* not lead I: swapped hands can't be told */
  const leadone_limits *limits; /* NULL: the defaults */
} leadone_options;

typedef struct leadone leadone; /* lies in the caller's memory */

/* Bytes that a stream at this rate needs; 0 for a rate outside 50 to 20000 Hz. */
size_t leadone_state_size(double rate_hz);

/* A fresh stream in `memory`, aligned for doubles; NULL options are lead I and the defaults.
 * NULL where the memory is too small or not aligned, or the rate or an option is refused.
 */
leadone *leadone_init(void *memory, size_t bytes, double rate_hz, const leadone_options *options);

/* Take samples in mV, NaN where missing; how many were taken: as soon as events may wait it stops,
 * and takes none before they are read. NULL samples end the record: the events left over follow.
 */
size_t leadone_push(leadone *state, const float *mv, size_t count);

/* The next event, if there is one. */
bool leadone_next_event(leadone *state, leadone_event *event);

/* The stretch of quality that goes on, as far as it is judged; false before the first second is. */
bool leadone_signal_now(const leadone *state, leadone_quality *stretch);

/* Forget the record; the next one begins. */
void leadone_reset(leadone *state);

/* Name, version and sha256 of the bundle. */
const char *leadone_version(void);

#ifdef __cplusplus
}
#endif

#endif
