"""The learning rate over a training: one cycle, up and then down to nothing (Smith 2018)."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

RISE = 0.15  # of all steps


def one_cycle(optimizer: Optimizer, rate: float, steps: int, done: int = 0) -> OneCycleLR:
    """The schedule of `steps` in all, of which `done` are done; it depends on its place alone."""
    schedule = OneCycleLR(optimizer, rate, total_steps=max(steps, 1), pct_start=RISE)
    if done:
        place = {"last_epoch": done - 1, "_step_count": done + 1}
        schedule.load_state_dict({**schedule.state_dict(), **place})
        schedule.step()
    return schedule
