"""Settings of views that make no sense."""

import pytest

from lssd.views import ViewSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 1},
        {"title_share": 0},
        {"short_side": (100, 300)},
        {"channels": 3},
        {"frames": 76},
        {"windows": 3},
        {"secondary_languages": (), "secondary": "round_robin"},
        {"secondary_languages": ("french",)},
        {"window_s": 0.0},
        {"fps": -1},
        {"sample_rate": 0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}"):
        ViewSettings(**wrong)
