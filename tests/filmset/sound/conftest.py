"""Titles without pictures: voices that hum, backgrounds of noise, and shots laid out by hand."""

import zlib
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest

from filmset.camera import Camera
from filmset.directors import Look
from filmset.scenes.scene import Scene
from filmset.settings import Settings
from filmset.truth import PersonInShot, Shot, Speaker, Title, Track, Transition
from filmset.words.protocol import Sentence, Take
from lssd.speech import Voice, Word

RATE = 48000
LANGUAGES = ("en", "de", "ja")


def number_of(*parts) -> int:
    return zlib.crc32(repr(parts).encode())


def hum(words, slow, key, language, name, style, seconds) -> Take:
    """A take of 0.2 s a word: a hum of a voice's pitch with a breath of noise."""
    count = int(np.random.default_rng(number_of(key)).integers(*words))
    rng = np.random.default_rng(number_of(key, language, name, style))
    natural = count * rng.uniform(0.18, 0.3) * slow
    if seconds is not None:
        natural = float(np.clip(seconds, 0.8 * natural, 1.25 * natural))
    length = round(natural * RATE)
    t = np.arange(length) / RATE
    pitch = 90 + 15 * (number_of(name) % 12)
    word = np.sin(np.pi * ((t * count / natural) % 1.0)) ** 0.5
    samples = word * ((pitch * t) % 1.0 - 0.5 + 0.05 * rng.standard_normal(length))
    samples = (samples * 0.7 / np.abs(samples).max()).astype(np.float32)
    samples.setflags(write=False)
    edges = np.linspace(0, natural, count + 1)
    return Take(samples, tuple(Word(f"w{n}", edges[n], edges[n + 1]) for n in range(count)))


remembered_hum = lru_cache(maxsize=512)(hum)  # tests write the same titles again and again


class Humming:
    """Hums instead of speaking. `words`: range of their number in a sentence; `slow`: by language."""

    languages = LANGUAGES

    def __init__(self, words=(2, 7), slow=None) -> None:
        self.words, self.slow = words, slow or {}
        self.asked = 0
        self.hum = remembered_hum

    def voices(self, language, held_out):
        return [
            Voice(language, f"{language}-{n}", f"timbre{n}", "fm"[n % 2], 50, 50, 175)
            for n in range(10 * held_out, 10 * held_out + 8)
        ]

    def exchange(self, rng, held_out, turns):
        return [
            Sentence(
                f"{'test' if held_out else 'train'}-{n}",
                {language: f"{language} {n}" for language in LANGUAGES},
                {language: f"{language.upper()} {n}{'?' if n % 3 == 0 else '.'}" for language in LANGUAGES},
                ("train",),
                n % 3 == 0,
            )
            for n in rng.integers(0, 1000, turns).tolist()
        ]

    def say(self, sentence, language, voice, style, seconds=None):
        assert set(sentence.spoken) == {language}
        self.asked += 1
        slow = self.slow.get(language, 1.0)
        return self.hum(self.words, slow, sentence.key, language, voice.name, style, seconds)


class Noise:
    """Backgrounds of white noise, another in every shot; `constant`: a steady value instead."""

    def __init__(self, constant=None) -> None:
        self.constant = constant

    def pick(self, kind, rng, held_out):
        return "synthesis"

    def sound(self, scene, source, samples, sample_rate, level_db, tilt_db=0.0):
        if self.constant is not None:
            return np.full(samples, self.constant, dtype=np.float32)
        noise = np.random.default_rng(scene.seed).standard_normal(samples)
        return (noise * 10 ** (level_db / 20)).clip(-0.3, 0.3).astype(np.float32)


@pytest.fixture
def speech():
    return Humming()


@pytest.fixture
def forgetful_speech():
    """As `speech`, but it holds no take."""
    forgetful = Humming()
    forgetful.hum = hum
    return forgetful


@pytest.fixture
def humming():
    return Humming


@pytest.fixture
def noise():
    return Noise


@pytest.fixture
def settings():
    return Settings(seed=5, silent=0.0, languages=LANGUAGES)


def _shot(number, start, end, seen, transition, people, reverb_s, canvas=(320, 180)):
    camera = Camera("still", ((0, 0.5, 0.5, 1.0),), canvas, canvas)
    scene = Scene("rain", 0.5, 0.5, 0.0, 0.5, False, 1000 + number)
    standing = tuple(
        PersonInShot(f"p{n}", 60 * n, 100, (80, 40 + 70 * n, 90, 60 + 70 * n)) for n in range(people)
    )
    return Shot(
        start, end, *seen, transition, (), None, camera, scene, "synthesis", -38.0, 8.0, reverb_s,
        standing, (), (),
    )  # fmt: skip


@pytest.fixture
def make_title(speech):
    """make(shot lengths in s, ...): a title without lines; `changes` {shot number: (kind, seconds)}."""

    def make(
        lengths,
        channels=1,
        people=2,
        fps="25",
        changes=None,
        reverb_s=0.0,
        fault=None,
        revoiced=False,
        index=0,
    ):
        tracks = [Track("en", "en", "original", "en", None), Track("de", "de", "dub", "de", fault)]
        tracks.append(Track("ja", "ja", "dub", "ja", None))
        if revoiced:
            tracks.append(Track("en-revoiced", "en", "revoiced", "en", None))
        cast = tuple(
            Speaker(f"p{n}", "fm"[n % 2], n, {
                track.key: speech.voices(track.language, False)[n + 4 * (track.role == "revoiced")]
                for track in tracks
            })
            for n in range(4)
        )  # fmt: skip
        rate = Fraction(fps)
        starts = [round(sum(lengths[:n]) * rate) for n in range(len(lengths) + 1)]
        changes = changes or {}
        spans = []
        for number, start in enumerate(starts):
            kind, seconds = changes.get(number, ("cut", 0.0))
            half = round(seconds * rate / 2)
            spans.append(Transition(kind, start - half, start + half))
        shots = []
        for number in range(len(lengths)):
            into, out, own = spans[number], spans[number + 1], (starts[number], starts[number + 1])
            seen = (
                into.first_frame if into.kind == "dissolve" else own[0],
                out.last_frame if out.kind == "dissolve" else own[1],
            )
            heads = people[number] if isinstance(people, tuple) else people
            shots.append(_shot(number, *own, seen, into, heads, reverb_s))
        return Title(
            "title-0000", index, 5, "train", "drama", "adler", "en", tuple(tracks), fps, starts[-1], 320, 180,
            "1", RATE, channels, Look((1.0, 1.0, 1.0), 1.0, 1.0, 1.0), 0.0, cast, tuple(shots),
        )  # fmt: skip

    return make


@pytest.fixture
def recapped():
    """recapped(title, number, of): with a shot that repeats an earlier one."""

    def change(title, number, of):
        shots, old = list(title.shots), title.shots[of]
        kept = {
            key: getattr(shots[number], key) for key in ("start_frame", "end_frame", "seen_from", "seen_to")
        }
        shots[number] = replace(old, **kept, transition=shots[number].transition, recap_of=of)
        return replace(title, shots=tuple(shots))

    return change
