"""One small film set with everything in it, shared by this folder's tests."""

import pytest

from filmset.render import FilmSet, render
from filmset.settings import Settings

SETTINGS = Settings(
    seed=7,
    seconds=24.0,
    sizes=("192x108",),
    held_out=0.34,
    revoiced=True,
    gradual=0.35,
    flashes=0.3,
    recaps=0.3,
    camera=0.6,
    events=0.8,
    stems=True,
    subtitles=True,
)


@pytest.fixture(scope="session")
def film_set(tmp_path_factory) -> FilmSet:
    return render(tmp_path_factory.mktemp("films"), 3, SETTINGS)
