"""A title before anyone speaks: tracks, look, cast and shots, sampled from (seed, index) alone."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from filmset.backgrounds import Backgrounds
from filmset.camera import MOVES, canvas_size, sample_camera
from filmset.casting import sample_cast
from filmset.directors import DirectorStyle, director_style, sample_director, sample_look
from filmset.events import EVENT_KINDS, sample_event
from filmset.faults import role_in_film, sample_fault, tagged_language
from filmset.people import arrange_people
from filmset.scenes import SCENES, sample_scene
from filmset.settings import (
    LANGUAGES,
    LONGEST_SHOT_S,
    SAMPLE_RATE,
    SHORTEST_SHOT_S,
    Settings,
    read_aspect,
    read_rate,
    read_size,
)
from filmset.truth import Event, Shot, Title, Track, Transition
from filmset.words import SpeechSource

# What each genre shows more often than the rest.
GENRES = {
    "drama": ("rain", "kitchen", "cafe", "church", "office"),
    "adventure": ("sea", "forest", "fire", "cave", "river"),
    "thriller": ("machine", "traffic", "snow", "storm", "laboratory"),
    "documentary": ("forest", "sea", "farm", "train", "night"),
    "musical": ("crowd", "dance", "cafe", "church", "farm"),
}
_SCRIPT, _ORIGINALS, _SHOTS, _UNDUBBED = 41, 42, 43, 44  # purposes of generators
_GOLDEN = (math.sqrt(5) - 1) / 2
_NO_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content
_GRADUAL_S = (0.24, 1.2)  # length of fades and dissolves


def write_script(settings: Settings, index: int, speech: SpeechSource, backgrounds: Backgrounds) -> Title:
    """The title of an index with its shots and the people in them, still without lines."""
    rng = np.random.default_rng([settings.seed, _SCRIPT, index])
    held_out = is_held_out(settings, index)
    # Originals go round all languages in blocks, each block in an order of its own.
    block, number = divmod(index, len(settings.languages))
    order = np.random.default_rng([settings.seed, _ORIGINALS, block]).permutation(len(settings.languages))
    original = settings.languages[order[number]]
    home = LANGUAGES.index(original) if original in LANGUAGES else sum(original.encode())
    tracks = _tracks(rng, settings, original, is_undubbed(settings, index))
    director = sample_director(rng, home, settings.look_language_strength)
    fps = str(rng.choice(settings.fps))
    width, height = read_size(str(rng.choice(settings.sizes)))
    title = Title(
        name=f"title-{index:04d}",
        index=index,
        seed=settings.seed,
        split="test" if held_out else "train",
        genre=str(rng.choice(list(GENRES))),
        director=director,
        original_language=original,
        tracks=tracks,
        fps=fps,
        frames=round(settings.seconds * read_rate(fps)),
        width=width,
        height=height,
        pixel_aspect=str(rng.choice(settings.pixel_aspects)),
        sample_rate=SAMPLE_RATE,
        channels=settings.channels,
        look=sample_look(rng, director),
        sound_tilt_db=round(float(director_style(director).tilt_db + rng.normal(0, 0.8)), 4),
        cast=sample_cast(
            rng, speech, tuple(t for t in tracks if t.has_voices), held_out, int(rng.integers(2, 5))
        ),
        shots=(),
    )
    return replace(title, shots=_shots(title, settings, backgrounds))


def is_held_out(settings: Settings, index: int) -> bool:
    """Whether a title is of split "test": the share asked for, spread evenly over the numbers."""
    return int((index + 1) * settings.held_out + 1e-9) > int(index * settings.held_out + 1e-9)


def is_undubbed(settings: Settings, index: int) -> bool:
    """Whether a title has its original track alone: the share asked for, evenly over the numbers.

    Steps of the golden ratio do not fall in with the periods in which languages and splits repeat.
    """
    start = np.random.default_rng([settings.seed, _UNDUBBED]).uniform()
    return (start + index * _GOLDEN) % 1.0 < settings.undubbed


def _tracks(rng: np.random.Generator, settings: Settings, original: str, undubbed: bool) -> tuple[Track, ...]:
    others = [language for language in settings.languages if language != original]
    dubs = rng.permutation(others)[: 0 if undubbed else settings.dubs_per_title].tolist()
    tracks = [Track(original, original, "original", original, None)]
    tracks += [Track(language, language, "dub", language, None) for language in dubs]
    if settings.revoiced and not undubbed:
        tracks.append(Track(f"{original}-revoiced", original, "revoiced", original, None))
    if settings.faults and dubs:
        number = int(rng.integers(1, 1 + len(dubs)))
        fault = sample_fault(str(rng.choice(settings.faults)), rng, tracks[number], tuple(tracks), settings)
        faulty = replace(tracks[number], fault=fault)
        tracks[number] = replace(faulty, role=role_in_film(faulty), tagged=tagged_language(faulty))
    if settings.background_track:
        tracks.append(Track("background", _NO_LANGUAGE, "background", _NO_LANGUAGE, None))
    return tuple(tracks)


def shot_lengths(
    rng: np.random.Generator,
    frames: int,
    fps: Fraction,
    pace: float = 1.0,
    shots_s: tuple[float, float] | None = None,
) -> list[int]:
    """Lengths of shots in frames, 2 to 15 s each, that fill a film of `frames`.

    Uniform over the range `shots_s`; the film's last one or two may leave it. Without a range, about one in
    seven is shorter than 3 s, one in ten longer than 12 s, outside what is usually kept; pace multiplies the
    lengths in between.
    """
    shortest, longest = round(SHORTEST_SHOT_S * fps), round(LONGEST_SHOT_S * fps)
    lengths: list[int] = []
    left = frames
    while left > 0:
        kind = rng.uniform()
        if shots_s is not None:
            seconds = rng.uniform(*shots_s)
        elif kind < 0.14:
            seconds = rng.uniform(2.0, 2.9)
        elif kind < 0.24:
            seconds = rng.uniform(12.2, 15.0)
        else:
            seconds = float(np.clip(pace * rng.triangular(3.0, 4.8, 12.0), 3.1, 11.9))
        length = min(max(round(seconds * fps), shortest), left)
        if 0 < left - length < shortest:  # what remains would be no shot: share it out
            length = left if left <= longest else left // 2
        lengths.append(length)
        left -= length
    return lengths


def _shots(title: Title, settings: Settings, backgrounds: Backgrounds) -> tuple[Shot, ...]:
    rng = np.random.default_rng([settings.seed, _SHOTS, title.index])
    habits = director_style(title.director)
    lengths = shot_lengths(rng, title.frames, title.rate, habits.pace, settings.shots_s)
    starts = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    changes = _transitions(rng, settings, title.rate, lengths, starts)
    shots: list[Shot] = []
    for number, start in enumerate(starts[:-1]):
        into, out = changes[number], changes[number + 1]
        end = starts[number + 1]
        span = (
            into.first_frame if into.kind == "dissolve" else start,
            out.last_frame if out.kind == "dissolve" else end,
        )
        shot = _shot(rng, title, settings, habits, backgrounds, shots, (start, end), span, into)
        shots.append(shot)
    return tuple(shots)


def _transitions(
    rng: np.random.Generator, settings: Settings, fps: Fraction, lengths: list[int], starts: list[int]
) -> list[Transition]:
    """How each shot begins, and how the film ends; gradual ones take a third of a shot at most."""
    changes = [Transition("cut", 0, 0)]
    for number in range(1, len(lengths)):
        start = starts[number]
        kind = str(rng.choice(["fade", "dissolve"])) if rng.uniform() < settings.gradual else "cut"
        longest = min(lengths[number - 1 : number + 1]) / 3
        half = round(min(rng.uniform(*_GRADUAL_S) * float(fps), longest) / 2) if kind != "cut" else 0
        changes.append(Transition(kind, start - half, start + half))
    return [*changes, Transition("cut", starts[-1], starts[-1])]


def _shot(
    rng: np.random.Generator,
    title: Title,
    settings: Settings,
    habits: DirectorStyle,
    backgrounds: Backgrounds,
    earlier: list[Shot],
    own: tuple[int, int],
    span: tuple[int, int],
    into: Transition,
) -> Shot:
    start, end = own
    frames = span[1] - span[0]
    before = earlier[-1].scene.kind if earlier else None
    recap_of = _recap(rng, settings, earlier, frames)
    if recap_of is not None:
        repeated = earlier[recap_of]
        return replace(
            repeated,
            start_frame=start,
            end_frame=end,
            seen_from=span[0],
            seen_to=span[1],
            transition=into,
            flashes=(),
            recap_of=recap_of,
            events=_moved_events(title, repeated, span),
        )
    kind = _kind(rng, title, settings, before)
    scene = sample_scene(kind, rng)
    canvas = canvas_size((title.width, title.height), read_aspect(title.pixel_aspect))
    names = rng.permutation([person.name for person in title.cast]).tolist()
    most = min(settings.speakers, len(names))
    shares = np.array([0.4, 0.35, 0.15, 0.1])[:most]
    count = 1 + int(rng.choice(most, p=shares / shares.sum()))
    people = arrange_people(names[:count], title.cast, canvas, scene.mirrored)
    moving = rng.uniform() < settings.camera * habits.moving
    move = str(rng.choice(MOVES[1:])) if moving else MOVES[0]
    events: tuple[Event, ...] = ()
    if rng.uniform() < settings.events:
        first_s, last_s = start / float(title.rate) + 0.3, end / float(title.rate) - 0.3
        events = (sample_event(str(rng.choice(EVENT_KINDS)), rng, first_s, last_s, canvas, people),)
    held_out = title.split == "test"
    return Shot(
        start_frame=start,
        end_frame=end,
        seen_from=span[0],
        seen_to=span[1],
        transition=into,
        flashes=_flashes(rng, settings, title.rate, start, end),
        recap_of=None,
        camera=sample_camera(rng, move, frames, canvas, (title.width, title.height)),
        scene=scene,
        background_source=backgrounds.pick(kind, rng, held_out),
        background_db=round(float(-43.0 + 5.0 * scene.activity + rng.uniform(-2.0, 3.0)), 3),
        speech_over_background_db=round(float(rng.uniform(*settings.speech_db)), 3),
        reverb_s=round(float(rng.uniform(*SCENES[kind].reverb_s)), 3) if settings.reverb else 0.0,
        people=people,
        events=events,
        lines=(),
    )


def _recap(rng: np.random.Generator, settings: Settings, earlier: list[Shot], frames: int) -> int | None:
    """The number of an earlier shot to repeat: long enough, itself no recap, and not the one just seen."""
    wanted = rng.uniform() < settings.recaps
    long_enough = [
        number
        for number, shot in enumerate(earlier[:-1])
        if shot.recap_of is None
        and shot.seen_to - shot.seen_from >= frames
        and shot.scene.kind != earlier[-1].scene.kind
    ]
    return int(rng.choice(long_enough)) if wanted and long_enough else None


def _moved_events(title: Title, repeated: Shot, span: tuple[int, int]) -> tuple[Event, ...]:
    """The events of a repeated shot, at the same time after its beginning, as far as they still fit."""
    later = (span[0] - repeated.seen_from) / float(title.rate)
    limit = (span[1] / float(title.rate)) - 0.3
    moved = (
        replace(event, hits_s=tuple(round(hit + later, 6) for hit in event.hits_s))
        for event in repeated.events
    )
    return tuple(event for event in moved if event.hits_s[-1] <= limit)


def _kind(rng: np.random.Generator, title: Title, settings: Settings, before: str | None) -> str:
    """The next kind of scene: those of the genre more often, the one just seen only if it is alone."""
    liking = np.array([4.0 if kind in GENRES[title.genre] else 1.0 for kind in settings.scenes])
    if len(settings.scenes) > 1:
        liking[[kind == before for kind in settings.scenes]] = 0.0
    return str(rng.choice(settings.scenes, p=liking / liking.sum()))


def _flashes(
    rng: np.random.Generator, settings: Settings, fps: Fraction, start: int, end: int
) -> tuple[int, ...]:
    """Frames of white light, one or two in a row, away from the shot's ends and their transitions."""
    margin = math.ceil((_GRADUAL_S[1] / 2 + 0.05) * fps)
    if rng.uniform() >= settings.flashes or end - start < 2 * margin + 4:
        return ()
    first = int(rng.integers(start + margin, end - margin - 1))
    return tuple(range(first, first + int(rng.integers(1, 3))))
