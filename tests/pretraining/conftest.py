"""What keeps a run small enough for a test."""

import pytest

_SMALL = (
    "views.batch_size=6",
    "views.frames=2",
    "views.size=16",
    "views.short_side=[16,20]",
    "video.dials.depth=2",
    "video.dials.width=16",
    "video.dials.stage_starts=[1]",
    "audio.dials.depth=2",
    "audio.dials.width=16",
    "audio.dials.stage_starts=[1]",
    "head.size=16",
    "schedule.steps=9",
    "schedule.checkpoint_every=4",
    "schedule.log_every=1",
    "machine.threads=1",
    "machine.workers=0",
    "machine.cache_gb=0.1",
)


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """Settings of the recipe `demo`: 9 steps of tiny encoders, about a second."""
    return _SMALL
