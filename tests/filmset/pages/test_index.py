import dataclasses
import json
import re
import shlex
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import librosa
import numpy as np
import pytest
import torch
from matplotlib import colormaps
from PIL import Image

from filmset.pages import media as filmset_media
from filmset.pages.heard import fault_words, heard
from filmset.pages.index import (
    chosen_titles,
    command,
    index_page,
    setting_words,
    shot_marks,
    write_pages,
)
from filmset.pages.timeline import pieces, player_data
from filmset.pages.title import title_page
from filmset.render import FilmSet
from filmset.settings import Settings
from filmset.truth import Fault, Spoken
from lssd import config
from lssd.cli import build_parser
from lssd.errors import InputError
from lssd.media import SoundTrack, iterate_frames, probe, read_sound, write_film
from lssd.models import LogMel
from lssd.speech import Word

RATE = 48_000


@pytest.fixture(scope="module")
def site(planted_filmset, tmp_path_factory):
    """The pages of two of three titles."""
    return write_pages(planted_filmset, tmp_path_factory.mktemp("site"), 2).parent


@pytest.fixture
def read(parse_markup):
    return lambda path: parse_markup(path.read_text(encoding="utf-8"))


def test_every_address_of_every_page_leads_to_a_file_beside_it(site, read):
    pages = sorted(site.rglob("*.html"))
    assert [page.relative_to(site).as_posix() for page in pages] == [
        "index.html",
        "title-0000/index.html",
        "title-0002/index.html",
    ]
    for path in pages:
        page = read(path)
        assert not page.faults
        addresses = [
            attributes[name]
            for _, attributes in page.elements
            for name in ("src", "href")
            if name in attributes
        ]
        assert len(addresses) > 10
        for address in addresses:
            assert (path.parent / address.partition("#")[0]).is_file(), address
    for path in [*pages, site / "filmset.css", site / "player.js"]:
        content = path.read_text(encoding="utf-8")
        assert not re.search(r"https?:|@import|url\(|//[a-z]+\.[a-z]|fetch\(|XMLHttpRequest", content)


def test_the_index_says_what_the_set_is(site, read, planted_filmset):
    page = read(site / "index.html")
    assert "3 rendered films, 18.0 s in all, 9 sound tracks in English, Japanese and French" in page.text
    stills = page.all("img")
    assert len(stills) == 6 and stills[1]["alt"] == "title-0000, shot 2: forest"
    assert "1 title without a page here" in page.text and "title-0001" in page.text
    assert "French: offset: plays 0.400 s late" in page.text
    for words in ("a speaks", "nobody speaks", "cut", "dissolve", "knock × 2", "flash", "repeats 1"):
        assert words in page.text
    text = page.text[page.text.index("Time by scene") :]
    assert re.match(r"Time by scene Name Share Amount sea 12.0 s forest 6.0 s", text)
    assert "English, Japanese, French" in text and "5 to 10 dB" in text
    widths = [element["style"] for element in page.all("span") if element.get("class") == "bar"]
    assert widths[:2] == ["width:100.0%", "width:50.0%"]
    links = [anchor["href"] for anchor in page.all("a") if "#" in anchor["href"]]
    assert links[:3] == [f"title-0000/index.html#t={second:.2f}" for second in (0, 2, 4)]


def test_a_titles_page_tells_its_whole_truth_and_hostile_text_stays_text(site, read):
    markup = (site / "title-0000" / "index.html").read_text(encoding="utf-8")
    page = read(site / "title-0000" / "index.html")
    assert "<b>wet</b>" not in markup and "Wet </script><b>wet</b> stone" in page.text
    for words in ("海が見える。", "Regarde la mer.", "fr-f1-low", "offset: plays 0.400 s late", "−30.0 dB",
                  "+7.5 dB", "dissolve", "frames 95 to 105", "repeats shot 1", "knock at 0:02.5 and 0:03.1",
                  "Japanese minus English (original)"):  # fmt: skip
        assert words in page.text, words
    data = json.loads(re.search(r'id="truth">(.*?)</script>', markup, re.DOTALL)[1])
    assert [track["name"] for track in data["tracks"]] == ["English (original)", "Japanese", "French"]
    assert [len(track["lines"]) for track in data["tracks"]] == [2, 2, 2]
    seeks = [float(button["data-seek"]) for button in page.all("button") if "data-seek" in button]
    assert seeks == [0.5, 2.6, 0.0, 2.0, 4.0]


def test_the_pages_are_accessible(site, read):
    for path in site.rglob("*.html"):
        page = read(path)
        assert page.all("html")[0]["lang"] == "en" and len(page.all("h1")) == 1
        assert all(image["alt"] for image in page.all("img"))
        assert all(button["type"] == "button" for button in page.all("button"))
        assert len(page.all("caption")) == len(page.all("table"))
        identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(identifiers) == len(set(identifiers))
    slider = next(one for one in read(path).all("div") if one.get("role") == "slider")
    assert slider["tabindex"] == "0" and float(slider["aria-valuemax"]) == 6.0


def test_marks_of_the_time_line_stand_at_their_times(site, read):
    page = read(site / "title-0000" / "index.html")

    def places(kind: str) -> list[list[float]]:
        found = [one["style"] for _, one in page.elements if one.get("class") == kind and "style" in one]
        return [
            [float(number) for number in re.findall(r"(?:left|width):([\d.]+)%", style)] for style in found
        ]

    assert places("shot") == [[0.0, 33.333], [33.333, 33.333], [66.667, 33.333]]
    assert places("change cut") == [[33.333, 0.0]]
    assert places("change dissolve") == [[63.333, 6.667]]
    assert places("event") == [[41.667, 0.0], [51.667, 0.0]]
    assert places("flash") == [[40.0, 0.0]]
    lines = places("line")
    assert lines[:2] == pytest.approx(np.array([[8.333, 13.333], [43.333, 13.333]]))
    assert lines[4:] == pytest.approx(np.array([[15.0, 13.333], [50.0, 13.333]]))  # French: 0.4 s late


def test_browsers_get_the_film_frame_by_frame(site, planted_filmset):
    told = probe(site / "title-0000" / "picture.mp4").to_json()
    assert "h264" in json.dumps(told)
    mine = [frame.image for frame in iterate_frames(site / "title-0000" / "picture.mp4")]
    film = [frame.image for frame in iterate_frames(planted_filmset.films[0])]
    assert len(mine) == len(film) == 150
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(mine, film, strict=True)) < 4
    still = np.asarray(Image.open(site / "title-0000" / "shot-003.jpg").convert("L"))
    assert still.shape == (54, 96) and np.median(still) == pytest.approx(140, abs=4)


def test_sounds_lie_where_the_films_lie(site, planted_filmset):
    for number in range(3):
        mine_S = read_sound(site / "title-0000" / f"track-{number + 1}.m4a", 0, 0.0, 6.0)[0]
        film_S = read_sound(planted_filmset.films[0], number, 0.0, 6.0)[0]
        window = slice(RATE, 5 * RATE)
        spectra = np.fft.rfft(mine_S[window]) * np.conj(np.fft.rfft(film_S[window]))
        correlation = np.fft.irfft(spectra)
        assert int(np.argmax(correlation)) == 0
        assert np.corrcoef(mine_S[window], film_S[window])[0, 1] > 0.8


def _decibels(path: Path, top: float) -> np.ndarray:
    """A spectrogram's image back in dB, by the nearest colour."""
    shown = np.asarray(Image.open(path).convert("RGB"), float)[::-1]
    colours = 255 * colormaps["magma"](np.arange(256))[:, :3]
    nearest = ((shown[:, :, None] - colours) ** 2).sum(axis=-1).argmin(axis=-1)
    return top - 80 + 80 * nearest / 255


def _librosa(film: Path, track: int) -> np.ndarray:
    """A track's log-mel by another hand, (96, 150)."""
    samples_S = read_sound(film, track, 0.0, 6.0)[0]
    power = librosa.feature.melspectrogram(
        y=samples_S, sr=RATE, n_fft=1024, hop_length=501, n_mels=96, htk=True, norm=None
    )
    mel = 10 * np.log10(np.maximum(power, 1e-10))
    columns = (np.arange(mel.shape[1]) * 501 / RATE * 25).astype(int)
    return np.stack([mel[:, columns == column].mean(axis=1) for column in range(150)], axis=1)


def test_spectrograms_agree_with_librosa_and_stand_on_the_time_line(site, planted_filmset):
    expected = [_librosa(planted_filmset.films[0], track) for track in range(3)]
    top = max(mel.max() for mel in expected)
    for track, mel in enumerate(expected):
        shown = _decibels(site / "title-0000" / f"spectrogram-{track + 1}.png", top)
        assert shown.shape == (96, 150)
        loud = mel > top - 70
        assert loud.mean() > 0.5 and np.abs(shown - mel)[loud].mean() < 0.3


def test_a_long_sound_has_the_same_spectrogram_in_blocks(monkeypatch):
    samples_S = np.random.default_rng(3).normal(0, 0.1, 5 * RATE).astype(np.float32)
    whole = filmset_media.spectrogram(samples_S, 125)
    monkeypatch.setattr(filmset_media, "_BLOCK", 37)
    assert np.abs(filmset_media.spectrogram(samples_S, 125) - whole).max() < 1e-2


def test_a_dub_minus_the_original_holds_the_voices_alone(site, planted_filmset):
    told = json.loads((site / "title-0000" / "page.json").read_text())["between_db"]
    assert told["ja"] == -120.0  # the same background to the last bit
    assert told["fr"] == pytest.approx(20 * np.log10(0.03 * np.sqrt(2)), abs=0.5)  # late: nothing cancels
    difference = np.asarray(Image.open(site / "title-0000" / "difference-2.png").convert("L"), int)
    brightest = difference.max(axis=0)
    assert brightest[15:30].min() > 150 and brightest[40:60].max() < 10


def test_a_second_call_makes_only_what_has_changed(make_filmset, tmp_path):
    folder = make_filmset(tmp_path / "set", 2)
    films, done = FilmSet.open(folder), []
    out = tmp_path / "page"
    write_pages(films, out, 12, SimpleNamespace(update=lambda *call: done.append(call)))
    assert done == [(0, 2), (1, 2), (2, 2)]

    def times() -> dict[str, int]:
        return {path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in out.rglob("*.*4*")}

    first = times()
    assert len(first) == 2 * 4
    write_pages(films, out, 12)
    assert times() == first
    truth = json.loads((folder / "title-0001.json").read_text())
    truth["genre"] = "musical"
    (folder / "title-0001.json").write_text(json.dumps(truth))
    (out / "title-0000" / "track-2.m4a").write_bytes(b"cut short")
    write_pages(FilmSet.open(folder), out, 12)
    changed = {name for name, when in times().items() if when != first[name]}
    assert changed == set(first)  # one title's truth has changed, a file of the other is not whole
    assert "of musical" in (out / "title-0001" / "index.html").read_text()


def test_a_killed_call_leaves_nothing_that_passes_for_whole(make_filmset, tmp_path, monkeypatch):
    films = FilmSet.open(make_filmset(tmp_path / "set", 1))
    out = tmp_path / "page"
    write_pages(films, out, 12)
    stamp = out / "title-0000" / "page.json"
    stamp.write_text(stamp.read_text().replace('"key": "', '"key": "0'))

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(filmset_media, "_write_sounds", killed)
    with pytest.raises(KeyboardInterrupt):
        write_pages(films, out, 12)
    assert not stamp.exists()
    monkeypatch.undo()
    write_pages(films, out, 12)
    assert stamp.exists() and not list(out.rglob(".partial*"))


def test_six_channels_are_mixed_to_two(planted_title, tmp_path):
    title = dataclasses.replace(planted_title(0), channels=6, tracks=planted_title(0).tracks[:1])
    sound_CS = np.zeros((6, 6 * RATE), np.float32)
    sound_CS[0] = 0.3 * np.sin(2 * np.pi * 440 * np.arange(6 * RATE) / RATE)  # front left
    frames = (np.zeros((54, 96, 3), np.uint8) for _ in range(150))
    write_film(tmp_path / "a.mkv", frames, Fraction(25), [SoundTrack(sound_CS, RATE, "en")])
    filmset_media.make_media(title, tmp_path / "a.mkv", tmp_path / "page")
    shown_CS = read_sound(tmp_path / "page" / "track-1.m4a", 0, 1.0, 4.0)
    assert shown_CS.shape[0] == 2
    left, right = np.sqrt((shown_CS**2).mean(axis=1))
    assert left > 0.05 and right < 0.01


def test_the_picture_is_shown_in_square_pixels_and_small(planted_title, tmp_path, monkeypatch):
    title = dataclasses.replace(planted_title(0, 96, 54), pixel_aspect="16/15")
    frames = iter([np.full((54, 96, 3), 90, np.uint8)] * 150)
    write_film(tmp_path / "a.mkv", frames, Fraction(25), [], pixel_aspect=Fraction(16, 15))
    monkeypatch.setattr(filmset_media, "_SHORT_SIDE", 36)
    filmset_media._write_picture(title, tmp_path / "a.mkv", tmp_path / "page")
    shown = next(iterate_frames(tmp_path / "page" / "picture.mp4")).image
    assert shown.shape[:2] == (36, 68)  # 96 x 16/15 to 54 is 68.3 to 36


def test_boxes_follow_the_camera_as_the_truth_says(planted_title):
    title = planted_title(0)
    boxes = player_data(title)["boxes"]
    assert [(box["kind"], box["from"], box["to"]) for box in boxes] == [
        ("mouth", 0, 50), ("mouth", 50, 105), ("event", 50, 105), ("mouth", 95, 150)
    ]  # fmt: skip
    assert len(boxes[0]["places"]) == 1 and len(boxes[1]["places"]) > 20
    shot = title.shots[1]
    for frame in range(50, 105):
        last = [place for place in boxes[1]["places"] if place[0] <= frame][-1]
        assert tuple(last[1:]) == shot.seen(shot.people[0].mouth, frame)
    assert boxes[2]["hits"] == [2.5, 3.1]


def test_words_are_found_in_what_is_written():
    words = [Word(word, 1 + n, 2 + n) for n, word in enumerate(("oh", "the", "sea", "the", "sea"))]
    spoken = Spoken("", "Oh – the sea, the sea!", 1.0, 6.0, 0.0, tuple(words))
    found = pieces(spoken)
    assert "".join(piece[0] for piece in found) == spoken.written
    assert [piece[0] for piece in found if len(piece) > 1] == ["Oh", "the", "sea", "the", "sea"]
    assert [piece[1] for piece in found if len(piece) > 1] == [1, 2, 3, 4, 5]
    kana = dataclasses.replace(spoken, written="海が見える。", words=(Word("うみ", 1.0, 2.0),))
    assert pieces(kana) == [["海が見える。", 1.0, 6.0]]


@pytest.mark.parametrize(
    ("fault", "starts", "words"),
    [
        (Fault("offset", {"offset_s": -0.25}), [0.25, 2.35], "offset: plays 0.250 s early"),
        (Fault("slope", {"slope": 1.001, "offset_s": 0.1}), [0.6005, 2.7026],
         "slope: plays 0.1% slower, at its start 0.100 s late"),
        (Fault("edit", {"at_s": 2.0, "seconds": 0.5}), [0.5, 3.1], "edit: 0.500 s put in at 0:02.0"),
        (Fault("edit", {"at_s": 1.5, "seconds": -1.0}), [0.5, 1.6], "edit: 1.000 s missing at 0:01.5"),
        (Fault("edit", {"at_s": 2.5, "seconds": -1.0}), [0.5], "edit: 1.000 s missing at 0:02.5"),
        (Fault("truncated", {"seconds": 2.0}), [0.5], "truncated: ends at 0:02.0"),
        (Fault("silent", {"noise_db": -80.0}), [], "silent: noise of −80.0 dB alone"),
        (Fault("silent", {"noise_db": None}), [], "silent: nothing is heard"),
        (Fault("mislabel", {"true": "fr", "claimed": "ja"}), [0.5, 2.6],
         "mislabel: French, but tagged as Japanese"),
        (Fault("level", {"db": -4.0}), [0.5, 2.6], "level: background 4.0 dB quieter"),
        (Fault("something new", {"x": 1}), [0.5, 2.6], "something new"),
    ],
)  # fmt: skip
def test_lines_are_where_a_faulty_track_plays_them(planted_title, fault, starts, words):
    title = planted_title(0)
    title = dataclasses.replace(
        title, tracks=(*title.tracks[:2], dataclasses.replace(title.tracks[2], fault=fault))
    )
    assert [one.spoken.start_s for one in heard(title, 2)] == pytest.approx(starts, abs=1e-4)
    assert fault_words(fault) == words


def test_a_repeated_track_and_a_commentary_say_what_is_heard_in_them(planted_title):
    title = planted_title(0)

    def with_fault(fault: Fault):
        return dataclasses.replace(
            title, tracks=(*title.tracks[:2], dataclasses.replace(title.tracks[2], fault=fault))
        )

    assert heard(with_fault(Fault("duplicate", {"of": "en"})), 2)[1].spoken.written == "Look, the sea."
    line = {"key": "k", "text": "Note", "written": "Note it.", "keywords": [], "start_s": 1.5, "end_s": 2.2,
            "gain_db": 0.0}  # fmt: skip
    found = heard(with_fault(Fault("commentary", {"mix_db": -10.0, "lines": [line]})), 2)
    assert [(one.speaker, one.spoken.written) for one in found][1:] == [
        ("narrator", "Note it."),
        ("b", "Look, the sea."),
    ]


def test_the_command_renders_the_same_set(planted_filmset):
    settings = dataclasses.replace(
        planted_filmset.settings, sounds="a b's", speech_db=(3.0, 8.0), revoiced=True
    )
    films = dataclasses.replace(planted_filmset, settings=settings)
    words = shlex.split(command(films))
    assert words[:2] == ["lssd", "filmset"]
    arguments = build_parser().parse_args(words[1:])
    assert arguments.titles == 3 and arguments.out == "set"
    given = {name: value for name, value in vars(arguments).items() if name in Settings.__dataclass_fields__}
    assert config.build(Settings, config.override(given, arguments.set), "test") == settings


def test_settings_in_words_and_marks_of_a_shot(planted_title):
    assert setting_words("held_out", 0.125) == "12.5%" and setting_words("reverb", False) == "no"
    assert setting_words("faults", ()) == "none" and setting_words("voices", None) == "none"
    shots = planted_title(0).shots
    assert shot_marks(shots[0], 0) == []
    assert shot_marks(shots[1], 1) == ["cut", "knock × 2", "flash"]
    assert shot_marks(shots[2], 2) == ["dissolve", "repeats 1"]


def test_titles_are_chosen_evenly(planted_filmset):
    titles = [planted_filmset.titles[0]] * 9
    numbered = [dataclasses.replace(title, index=index) for index, title in enumerate(titles)]
    assert [title.index for title in chosen_titles(numbered, 3)] == [0, 4, 8]
    assert [title.index for title in chosen_titles(numbered, 99)] == list(range(9))
    assert "Further titles" not in index_page(planted_filmset, planted_filmset.titles)


@pytest.mark.parametrize("titles", [0, 201])
def test_an_impossible_number_of_titles_is_refused(planted_filmset, tmp_path, titles):
    with pytest.raises(InputError, match="between 1 and 200"):
        write_pages(planted_filmset, tmp_path / "page", titles)
    assert not (tmp_path / "page").exists()


def test_files_stay_small(site):
    sizes = {path.name: path.stat().st_size for path in (site / "title-0000").iterdir()}
    seconds = 6
    assert sizes["track-1.m4a"] < 17_000 * seconds and sizes["picture.mp4"] < 40_000 * seconds
    assert sizes["spectrogram-1.png"] < 6_000 * seconds and sizes["index.html"] < 60_000


def test_a_button_is_called_by_the_words_on_it(site):
    markup = (site / "title-0000" / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'<button [^>]*aria-label="([^"]*)"[^>]*>([^<]*)</button>', markup)
    assert len(named) == 6 and all(name.startswith(words) for name, words in named)


def test_names_that_turn_the_direction_of_writing_are_shown_by_their_codes(planted_title):
    title = planted_title(0)
    cast = (dataclasses.replace(title.cast[0], name="a\u202eb\x1b[2J"), title.cast[1])
    shots = tuple(
        dataclasses.replace(
            shot,
            people=tuple(dataclasses.replace(one, name="a\u202eb\x1b[2J") for one in shot.people),
            lines=(),
        )
        for shot in title.shots
    )
    title = dataclasses.replace(title, cast=cast, shots=shots, genre="dra\u2066ma")
    media = filmset_media.Media({filmset_media.sound_name(number): 1 for number in range(3)}, {})
    markup = title_page(title, media, ("sea", "forest"), [])
    assert not {"\u202e", "\u2066", "\x1b"} & set(markup)
    assert "a\\u202eb\\x1b[2J" in markup and "dra\\u2066ma" in markup
    names = {box["name"] for box in player_data(title)["boxes"]}
    assert "a\\u202eb\\x1b[2J" in names


def test_the_log_mel_is_the_one_that_the_method_takes():
    samples_S = np.random.default_rng(4).normal(0, 0.1, 20_000).astype(np.float32)
    expected = LogMel(dtype=torch.float64)(torch.from_numpy(samples_S)[None, None])[0, 0].numpy()
    assert np.abs(filmset_media.log_mel(samples_S) - expected).max() < 1e-6
