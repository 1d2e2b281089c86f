"""The learning rate as a pure function of the step."""

import math

from lssd.pretraining.recipe import ScheduleRecipe


def total_steps(schedule: ScheduleRecipe, steps_per_epoch: int) -> int:
    """Steps of the whole run: `steps` when the recipe states them, else its epochs."""
    return schedule.steps if schedule.steps is not None else schedule.epochs * steps_per_epoch


def warmup_steps(schedule: ScheduleRecipe, steps_per_epoch: int, steps: int) -> int:
    """Steps of warm-up: as stated, else its epochs; at most half of a run of few steps."""
    stated = schedule.warmup_steps
    wanted = round(schedule.warmup_epochs * steps_per_epoch) if stated is None else stated
    return min(wanted, steps // 2)


def learning_rate(step: int, peak: float, warmup_steps: int, steps: int) -> float:
    """Linear warm-up to `peak`, then half a cosine to zero at `steps` (paper, appendix A).

    The first step already moves: step 0 has peak / warmup_steps.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
