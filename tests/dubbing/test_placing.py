import pytest
from hypothesis import given
from hypothesis import strategies as st

from lssd.dubbing.lines import Line
from lssd.dubbing.placing import PlacingSettings, place, without_overlaps

LIMITS = PlacingSettings()


def line(start, end, speaker="S1"):
    return Line(start, end, "", speaker=speaker)


def only(lines, seconds, duration=100.0):
    return place(lines, seconds, duration, LIMITS)


def test_a_line_within_the_limits_takes_the_originals_time():
    (found,) = only([line(2.0, 4.0)], [2.3])
    assert (found.start_s, found.spoken_s, found.kept_s, found.flags) == (2.0, 2.0, 2.0, ())
    assert found.speed == pytest.approx(1.15)


def test_a_short_line_is_padded_and_not_stretched():
    (found,) = only([line(2.0, 4.0)], [0.5])
    assert (found.start_s, found.spoken_s, found.speed) == (2.0, 0.5, 1.0)
    assert found.flags == ("shorter than the original",)


def test_a_long_line_borrows_silence_after_and_then_before():
    (found,) = only([line(2.0, 4.0)], [3.5])  # 2.8 s at the fastest
    assert (found.start_s, found.kept_s, found.speed) == (2.0, pytest.approx(2.8), 1.25)
    found, _ = only([line(2.0, 4.0), line(4.5, 6.0)], [3.25, 1.5])  # 2.6 s; 2.42 to the next
    assert found.start_s == pytest.approx(1.82) and found.start_s + found.kept_s == pytest.approx(4.42)
    assert found.flags == ("borrows silence",)


def test_what_does_not_fit_is_cut_and_flagged():
    found, after = only([line(2.0, 4.0), line(4.1, 6.0)], [5.0, 1.9])
    assert found.spoken_s == pytest.approx(4.0) and found.kept_s == pytest.approx(2.32)
    assert found.flags[-1] == "does not fit: its last 1.68 s are cut"
    assert after.start_s == 4.1 and after.flags == ()
    (last,) = only([line(8.0, 9.5)], [4.0], duration=10.0)
    assert last.start_s + last.kept_s == pytest.approx(10.0)


def test_nothing_to_say_has_no_place():
    assert only([line(0, 1), line(2, 3)], [None, 0.0]) == [None, None]


def test_speakers_who_overlap_may_do_so_again():
    lines = [line(1.0, 3.0, "A"), line(2.0, 4.0, "B")]
    first, second = only(lines, [2.0, 2.0])
    assert (first.start_s, first.kept_s, second.start_s, second.kept_s) == (1.0, 2.0, 2.0, 2.0)


def test_one_speakers_lines_never_overlap():
    lines = without_overlaps([line(2.0, 5.0), line(1.0, 3.0), line(3.0, 4.0), line(1.5, 9.0, "B")])
    assert [(x.start_s, x.end_s, x.speaker) for x in lines] == [
        (1.0, 2.0, "S1"),
        (1.5, 9.0, "B"),
        (2.0, 5.0, "S1"),
    ]


def test_limits_that_make_no_sense_are_refused():
    for wrong in ({"slowest": 1.1}, {"fastest": 0.9}, {"apart_s": -1.0}):
        with pytest.raises(ValueError, match="must"):
            PlacingSettings(**wrong)


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.floats(0.2, 8), st.sampled_from("AB"), st.floats(0.05, 12)),
        max_size=12,
    )
)
def test_whatever_comes_lines_stay_in_the_film_and_apart(rows):
    lines = without_overlaps([line(start, start + length, who) for start, length, who, _ in rows])
    seconds = [rows[number % len(rows)][3] for number in range(len(lines))]
    places = place(lines, seconds, 60.0, LIMITS)
    heard = {"A": 0.0, "B": 0.0}
    for spoken, found, natural in zip(lines, places, seconds, strict=True):
        assert found.start_s >= heard[spoken.speaker] - 1e-9 and found.start_s >= 0
        assert 0 < found.kept_s <= found.spoken_s + 1e-9
        assert found.start_s + found.kept_s <= 60.0 + 1e-9
        assert LIMITS.slowest - 1e-9 <= found.speed <= LIMITS.fastest + 1e-9
        assert found.spoken_s == pytest.approx(natural / found.speed)
        assert abs(found.start_s - spoken.start_s) <= LIMITS.borrow_before_s + 1e-9
        heard[spoken.speaker] = found.start_s + found.kept_s
