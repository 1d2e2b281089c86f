import errno
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lssd import ingest
from lssd.corpus import ClipSettings, IngestSettings
from lssd.dubbing import pipeline
from lssd.dubbing.dub import dub
from lssd.dubbing.remixing import RemixingSettings
from lssd.dubbing.subtitles import read_subtitles
from lssd.engine import Progress, TimeLimit
from lssd.errors import InputError, StorageError
from lssd.media import SoundTrack, picture_hash, probe, read_sound, track_hash, write_film


def run(rendered, quick, out, *languages, **given):
    (report,) = dub([rendered.path], languages, out, quick(**given))
    return report


def test_a_film_gains_tracks_and_loses_nothing(rendered, quick, outside, tmp_path):
    before = rendered.path.read_bytes()
    report = run(rendered, quick, tmp_path / "out", "en", "French")
    film, folder = Path(report.film), Path(report.folder)
    assert [one.language for one in report.languages] == ["en", "fr"] and all(
        one.ok for one in report.languages
    )
    assert all(one.spoken == one.lines >= 4 for one in report.languages)
    assert rendered.path.read_bytes() == before
    assert picture_hash(film) == picture_hash(rendered.path)
    assert [track_hash(film, n) for n in (0, 1)] == [track_hash(rendered.path, n) for n in (0, 1)]
    tracks = probe(film).tracks
    assert [(t.language, t.role) for t in tracks[2:]] == [("en", "dub"), ("fr", "dub")]
    assert all(t.channels == 2 and t.sample_rate == 48000 for t in tracks)
    for number, language in ((2, "en"), (3, "fr")):
        same, share = outside(film, number, folder, language)
        assert same and share > 0.05
        assert read_sound(film, number).shape == read_sound(film, 0).shape
    subtitles = read_subtitles(folder / f"{film.stem}.fr.srt")
    assert len(subtitles.lines) == report.languages[1].spoken and all(one.text for one in subtitles.lines)
    record = json.loads((folder / "provenance.json").read_text())
    assert record["synthetic"] is True and "GPL-3.0-or-later" in record["licences"]
    assert {one["backend"] for one in record["dubs"]["en"]["backends"]} >= {
        "phrasebook",
        "espeak",
        "signalsmith",
    }
    assert record["dubs"]["en"]["other_words"] == report.languages[0].lines


def test_new_lines_lie_where_the_old_ones_lay(rendered, quick, tmp_path):
    report = run(rendered, quick, tmp_path / "out", "fr", source="es")
    rows = json.loads((Path(report.folder) / "provenance.json").read_text())["dubs"]["fr"]["utterances"]
    for row in rows:
        start, stop = row["spoken_s"]
        assert row["start_s"] - 0.3 <= start <= row["start_s"] + 1e-6 and 0.8 <= row["speed"] <= 1.25
        assert any(low - 0.15 < row["start_s"] < high for low, high in rendered.lines)
        assert stop <= 14.0
    dub_CS, original_CS = (read_sound(report.film, n) for n in (2, 0))
    spoken = read_sound(next(rendered.stems.iterdir()), 0, channels=2)[:, : original_CS.shape[1]]
    background = original_CS[:, : spoken.shape[1]] - spoken
    new = dub_CS[:, : spoken.shape[1]] - background
    for row in rows:
        start, stop = (round(48000 * time_s) for time_s in row["spoken_s"])
        level = [10 * np.log10(np.mean(x[:, start:stop] ** 2)) for x in (new, spoken)]
        assert abs(level[0] - level[1]) < 8, "about as loud as what it replaces"


@pytest.mark.slow
def test_ingest_takes_the_tracks_as_dubs_of_the_same_title(rendered, quick, tmp_path):
    run(rendered, quick, tmp_path / "out", "fr")
    settings = IngestSettings(clips=ClipSettings(detect=False, shortest_s=2, longest_s=20))
    catalog = ingest([rendered.path, tmp_path / "out"], tmp_path / "corpus", settings, quiet=True)
    assert catalog.titles.num_rows == 1
    rows = catalog.tracks.to_pylist()
    assert sorted((row["language"], row["role"]) for row in rows if row["kept"]) == [
        ("en", "dub"),
        ("es", "original"),
        ("fr", "dub"),
    ]


@pytest.mark.slow
def test_the_same_again_costs_nothing_and_languages_add_up(rendered, quick, tmp_path):
    first = run(rendered, quick, tmp_path / "out", "fr")
    data = Path(first.film).read_bytes()
    again = run(rendered, quick, tmp_path / "out", "fr")
    assert not again.made and Path(again.film).read_bytes() == data
    more = run(rendered, quick, tmp_path / "out", "de")
    assert [one.language for one in more.languages] == ["de"] and more.made["speak"] == more.languages[
        0
    ].lines
    assert [track.language for track in probe(more.film).tracks] == ["es", "en", "de", "fr"]
    fresh = run(rendered, quick, tmp_path / "fresh", "de", "fr")
    assert Path(fresh.film).read_bytes() == Path(more.film).read_bytes()


@pytest.mark.slow
def test_an_edited_line_costs_its_own_chain(rendered, quick, tmp_path):
    first = run(rendered, quick, tmp_path / "out", "en", "fr")
    path = Path(first.folder) / "utterances.json"
    script = json.loads(path.read_text())
    script["utterances"][1]["said"]["fr"]["text"] = "Bonjour."
    path.write_text(json.dumps(script))
    again = run(rendered, quick, tmp_path / "out", "en", "fr")
    assert again.made == {"speak": 1, "stretch": 1, "convert": 1, "match": 1, "remix": 1}
    assert json.loads(path.read_text())["utterances"][1]["said"]["fr"]["text"] == "Bonjour."
    script["utterances"][2]["end_s"] = round(script["utterances"][2]["end_s"] - 0.2, 3)
    path.write_text(json.dumps(script))
    timed = run(rendered, quick, tmp_path / "out", "en", "fr")
    # Times are what words are chosen by: that line in both languages, and nothing of the others.
    assert timed.made["speak"] <= 2 and timed.made["remix"] == 2 and timed.made["translate"] == 2
    script["utterances"][0]["said"]["fr"]["text"] = ""
    path.write_text(json.dumps(script))
    (french,) = run(rendered, quick, tmp_path / "out", "fr").languages
    assert french.spoken == french.lines - 1 and ("0001", "nothing to say") in french.flags


def test_subtitles_and_turns_of_ones_own(rendered, quick, tmp_path):
    stem = rendered.path.stem
    own = tmp_path / "own"
    own.mkdir()
    for language, path in rendered.subtitles.items():
        (own / f"{stem}.{language}.srt").write_bytes(path.read_bytes())
    turns = [
        f"SPEAKER {stem} 1 {start:.3f} {end - start:.3f} <NA> <NA> P{n % 2} <NA> <NA>"
        for n, (start, end) in enumerate(rendered.lines)
    ]
    (own / f"{stem}.rttm").write_text("\n".join(turns))
    report = run(rendered, quick, tmp_path / "out", "en", subtitles=(str(own),), speakers=(str(own),))
    rows = json.loads((Path(report.folder) / "utterances.json").read_text())["utterances"]
    assert len(rows) == len(rendered.lines) and {row["speaker"] for row in rows} == {"P0", "P1"}
    assert all(
        row["text"] and row["said"]["en"]["is_translation"] and row["said"]["en"]["by"] == "subtitles"
        for row in rows
    )
    assert not any("not a translation" in flag for _, flag in report.languages[0].flags)


def test_the_background_alone(rendered, quick, tmp_path):
    report = run(rendered, quick, tmp_path / "out", only="separate")
    tracks = probe(report.film).tracks
    assert tracks[-1].role == "background" and len(tracks) == 3 and not report.languages
    mix, speech = read_sound(rendered.path, 0), read_sound(next(rendered.stems.iterdir()), 0)
    length = min(mix.shape[1], speech.shape[1])
    background = read_sound(report.film, 2)[:, :length]
    np.testing.assert_allclose(background, mix[:, :length] - speech[:, :length], atol=2**-23)


def test_what_cannot_be_dubbed_is_said_and_the_rest_is_done(rendered, quick, tmp_path):
    report = run(rendered, quick, tmp_path / "out", "es", "fr", "zu")
    reasons = {one.language: one.reason for one in report.languages}
    assert "is what the original speaks" in reasons["es"] and not reasons["fr"]
    assert reasons["zu"]
    assert [track.language for track in probe(report.film).tracks] == ["es", "en", "fr"]


def film_of(path, samples_CS, language="en"):
    frames = np.zeros((50, 48, 64, 3), np.uint8)
    tracks = [] if samples_CS is None else [SoundTrack(samples_CS, 48000, language)]
    write_film(path, frames, 25, tracks)
    return path


def test_films_without_speech_or_sound(quick, tmp_path):
    """One is silent, one has no sound, one is no film, one does not say what it speaks, one is fine."""
    films = tmp_path / "films"
    films.mkdir()
    noise = np.random.default_rng(0).normal(0, 1e-4, (1, 96000)).astype(np.float32)
    film_of(films / "silent.mkv", noise * 0)
    film_of(films / "mute.mkv", None)
    film_of(films / "nameless.mkv", noise, None)
    (films / "text.mkv").write_text("no film")
    reports = dub([films], ["fr"], tmp_path / "out", _separating(quick(), tmp_path))
    found = {Path(report.source).stem: report for report in reports}
    assert found["silent"].flags == ("nobody speaks: silence, or music and noises alone",)
    assert not found["silent"].film and found["silent"].languages[0].reason.startswith("nobody speaks")
    assert "has no sound track" in found["mute"].reason
    assert "does not say what it speaks" in found["nameless"].reason
    assert "not a film" in found["text"].reason


def _separating(settings, tmp_path):
    """With the backend that finds no speech anywhere."""
    import yaml

    preset = yaml.safe_load(Path(settings.preset).read_text()) | {"separation": ["none"]}
    path = tmp_path / "none.yaml"
    path.write_text(yaml.safe_dump(preset))
    return replace(settings, preset=str(path), backends={})


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 6])
def test_mono_and_surround_stay_what_they_are(rendered, quick, outside, tmp_path, channels):
    original = read_sound(rendered.path, 0)
    speech = read_sound(next(rendered.stems.iterdir()), 0)[:, : original.shape[1]]
    background = (original[:, : speech.shape[1]] - speech) * 0.5
    layout = np.zeros((channels, speech.shape[1]), np.float32)
    voice = layout.copy()
    voice[2 if channels == 6 else 0] = 0.5 * speech.mean(axis=0)  # the centre speaks
    layout[:2] = background[:channels]
    film = tmp_path / "film.mkv"
    frames = np.zeros((340, 48, 64, 3), np.uint8)
    write_film(film, frames, 25, [SoundTrack(layout + voice, 48000, "es", codec="flac24")])
    stems = tmp_path / "stems"
    stems.mkdir()
    soundfile.write(stems / "film.speech.wav", voice.T, 48000, "FLOAT")
    (report,) = dub([film], ["fr"], tmp_path / "out", quick(f"stems.folder={stems}"))
    made = read_sound(report.film, 1)
    assert made.shape == read_sound(film, 0).shape
    assert outside(report.film, 1, Path(report.folder), "fr")[0]
    if channels == 6:
        changed = np.abs(made - read_sound(film, 0)).max(axis=1)
        assert changed[2] > 0.01 and (changed[[0, 1, 3, 4, 5]] < 1e-3).all(), "the centre speaks the dub too"


def test_wrong_requests_are_one_line_before_any_work(rendered, quick, tmp_path):
    out = tmp_path / "out"
    cases = [
        ((["es", "nolanguage!"], quick()), "is no language"),
        (([], quick()), "say into which languages"),
        ((["fr"], quick(license_policy="strict")), "no licence policy"),
        ((["fr"], quick("espeek.choices=3")), "no backend 'espeek'"),
        ((["fr"], quick("espeak.choises=3")), "did you mean 'choices'"),
        ((["fr"], quick(subtitles=("gone.srt",))), "no such file or folder: gone.srt"),
    ]
    for (languages, settings), message in cases:
        with pytest.raises(InputError, match=message):
            dub([rendered.path], languages, out, settings)
    with pytest.raises(InputError, match="no such file"):
        dub([tmp_path / "gone.mkv"], ["fr"], out, quick())
    with pytest.raises(InputError, match="lie in the output folder"):
        dub([rendered.path], ["fr"], rendered.path.parent, quick())
    assert not out.exists()
    with pytest.raises(InputError, match="within the margin"):
        quick("remixing.fade_s=1.0")
    assert quick("remixing.margin_s=0.1").remixing == RemixingSettings(margin_s=0.1)


def test_a_wish_that_cannot_be_met_is_no_other_backends(rendered, quick, tmp_path):
    for setting, message in (
        ("demucs.model=/models/htdemucs.th", "'demucs' was set, but the preset .*quick.yaml does not use it"),
        ('stems.folder=""', "'stems' was set and cannot be used: needs folder"),
    ):
        with pytest.raises(InputError, match=message):
            dub([rendered.path], ["fr"], tmp_path / "out", quick(setting))
    assert not (tmp_path / "out").exists()


def test_a_full_disk_ends_the_call_and_not_one_film(rendered, quick, tmp_path, monkeypatch):
    films = [tmp_path / "films" / name for name in ("a.mkv", "b.mkv")]
    films[0].parent.mkdir()
    for film in films:
        film.write_bytes(rendered.path.read_bytes())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pipeline.SoundWriter, "write", full)
    with pytest.raises(StorageError, match="No space left on device"):
        dub(films, ["fr"], tmp_path / "out", quick())


def test_a_file_beside_a_film_that_cannot_be_read_is_that_films_fault(rendered, quick, tmp_path):
    films, own = tmp_path / "films", tmp_path / "own"
    films.mkdir()
    own.mkdir()
    for name in ("a", "b"):
        film_of(films / f"{name}.mkv", np.zeros((1, 96000), np.float32))
    (own / "a.en.srt").write_text("no subtitles")
    dials = _separating(quick(subtitles=(str(own),)), tmp_path)
    first, second = dub([films], ["fr"], tmp_path / "out", dials)
    assert "a.en.srt holds no subtitles" in first.reason
    assert second.languages[0].reason.startswith("nobody speaks")
    edited = tmp_path / "out" / "b" / "utterances.json"
    edited.write_text("{")
    _, again = dub([films], ["fr"], tmp_path / "out", dials)
    assert f"{edited} is damaged" in again.reason


@pytest.mark.slow
def test_one_long_film_is_not_silent(rendered, quick, tmp_path, capsys):
    """Without a terminal there is a line for every interval, whether or not a film is finished."""
    for limit in (None, TimeLimit()):  # in this process, and in one of its own
        begun = time.monotonic()
        with Progress("dub", unit="films", every_s=0.2) as progress:
            dub(
                [rendered.path],
                ["fr"],
                tmp_path / str(limit),
                replace(quick(), time_limit=limit),
                progress=progress,
            )
        intervals = (time.monotonic() - begun) / 0.2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dub: 0/1 films, ")]
        assert len(lines) > intervals / 3


def test_a_permissive_policy_refuses_the_rest(rendered, quick, tmp_path):
    report = run(rendered, quick, tmp_path / "out", "fr", license_policy="permissive")
    assert "GPL-3.0-or-later is not permissive" in report.languages[0].reason and not report.film


def test_a_number_of_channels_that_nothing_can_be_written_with_costs_its_film_alone(quick, tmp_path):
    films = []
    for name, channels in (("a", 7), ("b", 2)):
        path = tmp_path / f"{name}_en.wav"
        soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal((96000, channels)), 48000)
        films.append(path)
    seven, two = dub(films, [], tmp_path / "out", quick(only="separate", source="en"))
    assert "a_en.wav: sound track 0 has 7 channels; tracks of 1, 2, " in seven.reason
    assert "b_en.speech.flac" in two.reason  # its turn came: there are no stems of it
