from lssd.dubbing.lines import Line, Segment
from lssd.dubbing.placing import without_overlaps
from lssd.dubbing.subtitles import Turn
from lssd.dubbing.transcript import _speaker_of, _tightened


def line(start, end):
    return Line(start, end, "words")


def spans(lines):
    return [(one.start_s, one.end_s) for one in lines]


def test_subtitles_within_one_stretch_of_speech_keep_their_borders():
    found = _tightened([line(10.0, 11.0), line(11.0, 12.0), line(12.0, 13.0)], [Segment(9.8, 13.3)])
    assert spans(found) == [(9.8, 11.0), (11.0, 12.0), (12.0, 13.3)]
    assert spans(without_overlaps(found)) == spans(found)


def test_subtitles_take_the_times_of_the_speech_within_them():
    segments = [Segment(1.2, 2.0), Segment(2.2, 3.1), Segment(9.0, 12.0)]
    assert spans(_tightened([line(1.0, 4.0)], segments)) == [(1.2, 3.1)]
    assert spans(_tightened([line(10.0, 11.0)], segments)) == [(9.5, 11.5)], "at most half a second beyond"
    assert spans(_tightened([line(5.0, 6.0)], segments)) == [(5.0, 6.0)], "nobody was heard: as it says"


def test_who_speaks_most_of_a_line():
    turns = [Turn(0.0, 2.0, "A"), Turn(2.0, 5.0, "B"), Turn(6.0, 7.0, "A")]
    assert [_speaker_of(line(*span), turns) for span in ((0, 3), (1, 4), (5.2, 5.8))] == ["A", "B", ""]
