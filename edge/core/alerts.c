/* See alerts.h. */
#include "alerts.h"

#include "rhythm.h"

enum { NOISY_SHARE = 10 }; /* its place in the evidence of a rhythm */

void lo_alerts_init(lo_alerts *alerts, const leadone_limits *limits) {
  *alerts = (lo_alerts){0};
  lo_episodes_init(&alerts->episodes, limits);
  lo_ventricular_init(&alerts->ventricular);
}

void lo_alerts_beat(lo_alerts *alerts, const leadone_beat *beat) {
  lo_episodes *episodes = &alerts->episodes;
  lo_rates_beat(&alerts->rates, episodes, beat->r_s);
  lo_conduction_beat(&alerts->conduction, episodes, beat);
  lo_ventricular_beat(&alerts->ventricular, episodes, beat->r_s, beat->label == LEADONE_V);
}

void lo_alerts_forget(lo_alerts *alerts, double at_s) {
  lo_rates_forget(&alerts->rates);
  lo_conduction_forget(&alerts->conduction);
  lo_ventricular_forget(&alerts->ventricular, &alerts->episodes, at_s);
}

void lo_alerts_lose(lo_alerts *alerts, double at_s) {
  lo_rates_lose(&alerts->rates, &alerts->episodes, at_s);
  lo_conduction_forget(&alerts->conduction);
  lo_ventricular_forget(&alerts->ventricular, &alerts->episodes, at_s);
}

void lo_alerts_window(lo_alerts *alerts, const leadone_rhythm *rhythm) {
  lo_episodes *episodes = &alerts->episodes;
  const leadone_limits *limits = episodes->limits;
  const float told = rhythm->probabilities[LEADONE_AF];
  const bool is_noisy = rhythm->evidence_count && rhythm->evidence[NOISY_SHARE] > LO_MOSTLY_NOISY;
  alerts->af_seen += 1;
  if (is_noisy || (double)told < limits->af_on) {
    alerts->af_in_row = 0;
  } else if (alerts->af_in_row++ == 0) {
    alerts->af_since_s = rhythm->start_s;
  }
  if (alerts->af_in_row && alerts->af_in_row >= lo_minimum(limits->af_windows, alerts->af_seen)) {
    lo_episodes_open(episodes, LEADONE_AF_SUSPECTED, alerts->af_since_s, rhythm->end_s, told);
  } else if ((double)told < limits->af_off && !is_noisy) {
    lo_episodes_close(episodes, LEADONE_AF_SUSPECTED, rhythm->end_s, rhythm->end_s, told);
  }
}
