"""The simulated device: drivers, boards and main loop around the C twin of `edge`."""
