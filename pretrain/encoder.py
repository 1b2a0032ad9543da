"""The causal encoder: 250 Hz in, features at 125, 62.5, 31.25 and 15.6 Hz out.

Export-clean operators only: convolution, depthwise convolution, ReLU6, add. Each convolution pads
on the left alone and a stride-s layer's output k ends at input s*k + s-1, so a block of 16 samples
always yields whole outputs: what is trained is what streams. A teacher, which never streams, pads
on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from ..edge.errors import InputError


@dataclass(frozen=True)
class EncoderConfig:
    """Widths and depths; the defaults are the wrist tier."""

    channels: tuple[int, int, int, int] = (8, 16, 32, 40)  # at 125, 62.5, 31.25, 15.6 Hz
    blocks: tuple[int, int, int] = (1, 1, 2)  # residual blocks at the first three rates
    dilations: tuple[int, ...] = (1, 2, 4, 8)  # one residual block each at 15.6 Hz
    expansion: int = 2
    inputs: int = 2  # channels: one lead in two ranges (edge.frontend)
    causal: bool = True  # False, for teachers, sees as much after a sample as before it

    def __post_init__(self) -> None:
        """Refuse widths and depths of another number of rates."""
        if len(self.channels) != 4 or len(self.blocks) != 3 or min(self.channels) < 1:
            raise InputError(
                f"an encoder has four widths and three depths, not channels {self.channels} and "
                f"blocks {self.blocks}"
            )


class Conv(nn.Module):
    """Causal convolution with batch norm, and ReLU6 where `activate`; height 1 suits exporters."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        activate: bool = True,
        causal: bool = True,
    ) -> None:
        """`history` past inputs are needed beside the new ones; half of them if not `causal`."""
        super().__init__()
        self.conv = nn.Conv2d(
            inputs,
            outputs,
            (1, kernel),
            (1, stride),
            dilation=(1, dilation),
            groups=groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(outputs)
        self.activate = activate
        self.history = (kernel - 1) * dilation + 1 - stride
        self.ahead = 0 if causal else self.history // 2

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, 1, time) to (batch, outputs, 1, time / stride)."""
        x = self.norm(self.conv(functional.pad(x, (self.history - self.ahead, self.ahead))))
        return functional.relu6(x) if self.activate else x


class Residual(nn.Module):
    """Expand, depthwise, project, add: MobileNetV2's inverted residual in one dimension."""

    def __init__(
        self,
        channels: int,
        kernel: int,
        dilation: int = 1,
        expansion: int = 2,
        *,
        causal: bool = True,
    ) -> None:
        """`expansion` times `channels` wide inside."""
        super().__init__()
        wide = channels * expansion
        self.expand = Conv(channels, wide, 1)
        self.depthwise = Conv(wide, wide, kernel, dilation=dilation, groups=wide, causal=causal)
        self.project = Conv(wide, channels, 1, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, 1, time) to the same."""
        added: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + added


class Encoder(nn.Module):
    """The shared encoder; `forward` gives the features of all four rates, finest first."""

    def __init__(self, config: EncoderConfig) -> None:
        """Build the levels from the configuration."""
        super().__init__()
        c0, c1, c2, c3 = config.channels
        n0, n1, n2 = config.blocks

        def level(inputs: int, outputs: int, kernel: int, blocks: list[Residual]) -> nn.Sequential:
            down = Conv(inputs, outputs, kernel, stride=2, causal=config.causal)
            return nn.Sequential(down, *blocks)

        def block(channels: int, kernel: int, dilation: int = 1) -> Residual:
            return Residual(channels, kernel, dilation, config.expansion, causal=config.causal)

        self.level0 = level(config.inputs, c0, 15, [block(c0, 9) for _ in range(n0)])
        self.level1 = level(c0, c1, 5, [block(c1, 9) for _ in range(n1)])
        self.level2 = level(c1, c2, 5, [block(c2, 9) for _ in range(n2)])
        self.level3 = level(c2, c3, 3, [block(c3, 5, d) for d in config.dilations])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(batch, inputs, 1, time) to features at 1/2, 1/4, 1/8 and 1/16 of the rate."""
        x0 = self.level0(x)
        x1 = self.level1(x0)
        x2 = self.level2(x1)
        return x0, x1, x2, self.level3(x2)
