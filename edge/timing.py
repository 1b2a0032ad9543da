"""The clock of the network's output, shared by training targets and by the runtime."""

from .filters import RATE_HZ

WAVE_FRAME_SAMPLES = 2  # wave frames at 125 Hz
BEAT_FRAME_SAMPLES = 8  # beat frames at 31.25 Hz
HOP_SAMPLES = 16  # the network takes whole hops of 64 ms; its deepest features have one frame each

# Output frame k speaks of input frame k - lookahead: .576 s, so that the beat after is partly seen.
LOOKAHEAD_SAMPLES = 144
LOOKAHEAD_FRAMES = LOOKAHEAD_SAMPLES // WAVE_FRAME_SAMPLES

WAVE_FRAME_S = WAVE_FRAME_SAMPLES / RATE_HZ
