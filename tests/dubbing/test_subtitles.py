import pytest
from tests.conftest import REAL

from lssd.dubbing.lines import Line
from lssd.dubbing.subtitles import Turn, read_rttm, read_subtitles, srt, write_srt
from lssd.errors import InputError, ItemError

EPISODE = REAL / "angel_one"
SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Where are</i> you?

2
00:00:03,000 --> 00:00:04,000 X1:10 X2:20 Y1:5 Y2:9
{\\an8}Over here,
by the lake.
"""
VTT = """WEBVTT - a title

STYLE
::cue { color: lime }

NOTE
a remark --  about nothing

first cue
00:01.000 --> 00:02.500 align:start
<v.loud Ann Lee>Where <b>are</b> you &amp; Bob?</v>

00:00:03.000 --> 00:00:04.000
<v Bob>Over <00:03.500>here.
"""


def read(tmp_path, text, written="utf-8", encoding=None):
    path = tmp_path / "a.srt"
    path.write_bytes(text.encode(written) if isinstance(text, str) else text)
    return read_subtitles(path, encoding)


def plain(subtitles):
    return [(line.start_s, line.end_s, line.text, line.speaker) for line in subtitles.lines]


def test_srt_without_markup_and_line_breaks(tmp_path):
    expected = [(1.0, 2.5, "Where are you?", ""), (3.0, 4.0, "Over here, by the lake.", "")]
    assert plain(read(tmp_path, SRT)) == expected
    assert plain(read(tmp_path, SRT.replace("\n", "\r\n"))) == expected
    assert plain(read(tmp_path, SRT.replace(",", ".").replace("here.", "here,"))) == expected
    assert plain(read(tmp_path, SRT.replace("1\n00", "00").replace("2\n00", "00"))) == expected


def test_vtt_with_voices_notes_and_styles(tmp_path):
    expected = [(1.0, 2.5, "Where are you & Bob?", "Ann Lee"), (3.0, 4.0, "Over here.", "Bob")]
    assert plain(read(tmp_path, VTT)) == expected


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"],
)
def test_encodings_are_told_by_their_bytes(tmp_path, encoding):
    text = SRT.replace("Where", "Où déjà")
    assert read(tmp_path, text, encoding).lines[0].text == "Où déjà are you?"


def test_encodings_that_bytes_do_not_tell_are_given(tmp_path):
    text = SRT.replace("Where", "Где")
    assert read(tmp_path, text, "cp1251", encoding="cp1251").lines[0].text == "Где are you?"
    with pytest.raises(ItemError, match="not text in utf-8; save it"):
        read(tmp_path, text, "cp1251", encoding="utf-8")
    with pytest.raises(InputError, match="no encoding 'klingon'"):
        read(tmp_path, text, encoding="klingon")


def cue(text, times="00:00:01,000 --> 00:00:03,000"):
    return f"1\n{times}\n{text}\n"


@pytest.mark.parametrize(
    "text", ["[MUSIC]", "(laughs)", "♪ la la la", "<i>[door opens]</i>", "...", "*sighs*"]
)
def test_what_is_no_speech_is_counted(tmp_path, text):
    found = read(tmp_path, cue(text) + "\n" + SRT)
    assert (len(found.lines), found.not_speech, found.faulty) == (2, 1, 0)


def test_descriptions_go_and_names_stay_as_speakers(tmp_path):
    assert plain(read(tmp_path, cue("ANN: [softly] Come in.")))[0][2:] == ("Come in.", "ANN")
    assert plain(read(tmp_path, cue("DR. O'NEIL 2: Come in.")))[0][2:] == ("Come in.", "DR. O'NEIL 2")
    assert plain(read(tmp_path, cue("Look: a bird.")))[0][2:] == ("Look: a bird.", "")
    assert plain(read(tmp_path, cue("It is 12: 30.")))[0][2:] == ("It is 12: 30.", "")


def test_two_people_in_one_cue_share_its_time_by_length(tmp_path):
    found = plain(read(tmp_path, cue("- Come in.\n- BOB: No, thank you, not at all.")))
    assert [one[2:] for one in found] == [("Come in.", ""), ("No, thank you, not at all.", "BOB")]
    assert found[0][0] == 1.0 and found[0][1] == found[1][0] == pytest.approx(1 + 2 * 8 / 34)
    assert found[1][1] == 3.0
    assert len(read(tmp_path, cue("<v A>One.</v>\n<v B>Two.</v>")).lines) == 2
    assert plain(read(tmp_path, cue("- Alone behind\na dash.")))[0][2] == "Alone behind a dash."


def test_overlapping_unordered_repeated_and_impossible_cues(tmp_path):
    late, early = "00:00:05,000 --> 00:00:06,000", "00:00:04,500 --> 00:00:05,500"
    found = read(
        tmp_path,
        "\n".join(
            [cue("B", late), cue("A", early), cue("A", early), cue("C", "00:00:02,000 --> 00:00:02,000")]
        ),
    )
    assert [line.text for line in found.lines] == ["A", "B"]
    assert found.faulty == 1


def test_times_without_milliseconds_are_read(tmp_path):
    found = read(tmp_path, cue("One", "00:00:01 --> 00:00:03") + "\n" + cue("Two", "0:05 --> 0:07.5"))
    assert [(line.start_s, line.end_s) for line in found.lines] == [(1.0, 3.0), (5.0, 7.5)]


def test_times_that_cannot_be_read_are_counted_and_never_spoken(tmp_path):
    damaged = cue("Lost", "00:00:13,980 --> 00:00:19werwer,580")
    found = read(tmp_path, f"{cue('One')}\n{damaged}\n{cue('Two', '00:00:20,000 --> 00:00:21,000')}")
    assert [line.text for line in found.lines] == ["One", "Two"] and found.faulty == 1
    assert "1 without length or with unreadable times" in found.left_out
    with pytest.raises(ItemError, match="holds no subtitles"):
        read(tmp_path, damaged)


def test_blank_lines_within_a_cue_do_not_end_it(tmp_path):
    first = cue("Where\n\nare you?")
    assert read(tmp_path, first + "\n" + SRT).lines[0].text == "Where are you?"


@pytest.mark.parametrize("content", [b"", b"hello\nworld\n", b"\x00\x01\x02" * 100])
def test_a_file_without_cues_is_refused_in_one_line(tmp_path, content):
    with pytest.raises(ItemError, match="holds no subtitles") as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    with pytest.raises(ItemError, match="no such file"):
        read_subtitles(tmp_path / "missing.srt")


def test_lines_written_come_back(tmp_path):
    lines = [Line(0.0, 1.0005, "One\n two"), Line(3599.9999, 3600.5, "Three"), Line(4000.0, 4001.0, "")]
    write_srt(tmp_path / "b.srt", lines)
    assert plain(read_subtitles(tmp_path / "b.srt")) == [
        (0.0, pytest.approx(1.0, abs=0.001), "One two", ""),
        (3600.0, 3600.5, "Three", ""),
    ]
    assert srt([]) == ""


def test_other_readers_agree(tmp_path):
    pysubs2, webvtt = pytest.importorskip("pysubs2"), pytest.importorskip("webvtt")
    ours = plain(read(tmp_path, SRT))
    peer = pysubs2.SSAFile.from_string(SRT, format_="srt")
    theirs = [(one.start / 1000, one.end / 1000, " ".join(one.plaintext.split())) for one in peer]
    assert [one[:3] for one in ours] == theirs
    (tmp_path / "a.vtt").write_text(VTT, encoding="utf-8")
    captions = webvtt.read(tmp_path / "a.vtt").captions
    ours = read_subtitles(tmp_path / "a.vtt").lines
    assert [one.voice for one in captions] == [line.speaker for line in ours]
    assert [one.start_in_seconds for one in captions] == [int(line.start_s) for line in ours]


def test_rttm(tmp_path):
    path = tmp_path / "a.rttm"
    path.write_text(
        ";; made by hand\nSPKR-INFO film 1 <NA> <NA> <NA> unknown Ann <NA>\n"
        "SPEAKER film 1 5.25 1.5 <NA> <NA> Bob <NA> <NA>\nSPEAKER film 1 0.5 2 <NA> <NA> Ann <NA> <NA>\n",
        encoding="utf-8",
    )
    assert read_rttm(path) == [Turn(0.5, 2.5, "Ann"), Turn(5.25, 6.75, "Bob")]
    path.write_text("SPEAKER film 1 a 1.5 <NA> <NA> Bob\n", encoding="utf-8")
    with pytest.raises(ItemError, match="line 1 is no RTTM"):
        read_rttm(path)
    path.write_text("SPEAKER film 1 1 0 <NA> <NA> Bob\n", encoding="utf-8")
    with pytest.raises(ItemError, match="a turn of 0 s"):
        read_rttm(path)
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nHi\n", encoding="utf-8")
    with pytest.raises(ItemError, match="no SPEAKER line"):
        read_rttm(path)


@pytest.mark.skipif(not EPISODE.is_dir(), reason="the real media are not here")
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "As feared, our examination of the overdue Federation freighter Odin,"),
        ("fr", None),
    ],
)
def test_real_subtitles(language, text):
    found = read_subtitles(EPISODE / f"s-{language}.webvtt")
    times = (EPISODE / f"s-{language}.webvtt").read_text(encoding="utf-8").count("-->")
    assert len(found.lines) + found.not_speech + found.faulty >= times
    assert all("<" not in line.text and 0 <= line.start_s < line.end_s for line in found.lines)
    assert text is None or found.lines[1].text == text


@pytest.mark.parametrize(
    "row", ['<font color="#ffff00">Come in.</font>', "He is the #1 suspect.", "#1 suspect", "Don&#39;t go."]
)
def test_a_hash_within_speech_is_no_music(tmp_path, row):
    path = tmp_path / "film.en.srt"
    path.write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{row}\n")
    found = read_subtitles(path)
    assert len(found.lines) == 1 and found.not_speech == 0


@pytest.mark.parametrize("row", ["# la la #", "#la la#", "♪ la", "<i># la la</i>"])
def test_a_hash_around_words_is_music(tmp_path, row):
    path = tmp_path / "film.en.srt"
    path.write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{row}\n")
    found = read_subtitles(path)
    assert not found.lines and found.not_speech == 1
