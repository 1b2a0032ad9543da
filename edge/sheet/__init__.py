"""The report's sheet: one printed page that a clinician reads in a minute, as PDF or HTML."""
