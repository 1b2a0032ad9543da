"""Readers and writers of ECG files: WFDB records in, WFDB annotations out."""
