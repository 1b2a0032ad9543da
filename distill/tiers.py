"""The networks by name: two that are shipped, and the teacher of both."""

from __future__ import annotations

from ..pretrain.encoder import EncoderConfig

TIERS = {
    "wrist": EncoderConfig(),  # 57 k parameters, 1.5 MMAC a second of signal
    "phone": EncoderConfig(  # 388 k and 9.2
        channels=(20, 40, 64, 88), blocks=(1, 2, 2), dilations=(1, 2, 4, 8, 1, 2, 4, 8)
    ),
    "teacher": EncoderConfig(  # 438 k and 10; sees both ways, never streams
        channels=(20, 40, 64, 96),
        blocks=(1, 2, 2),
        dilations=(1, 2, 4, 8, 1, 2, 4, 8),
        causal=False,
    ),
}
