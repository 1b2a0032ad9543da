"""What equal means, on cases made by hand."""

from __future__ import annotations

from dataclasses import replace

from leadone.distill.export.equal_beats import Equal, Seen, equal_beats, seen
from leadone.edge.events import Beat

ONE = Seen(1.0, "N", ((0.8, 0.9), (0.95, 1.05), (1.2, 1.4)))
TWO = replace(ONE, r_s=2.0, waves=(None, (1.95, 2.05), (2.2, 2.4)))


def test_the_same_beats_are_equal() -> None:
    assert equal_beats([ONE, TWO], [ONE, TWO]) == Equal(2, 2, 6, 6)
    assert equal_beats([], []).beat_share == equal_beats([], []).wave_share == 1.0


def test_eight_milliseconds_are_the_same_and_nine_are_not() -> None:
    for shift, same in ((0.008, 1), (-0.008, 1), (0.009, 0), (-0.009, 0)):
        assert equal_beats([ONE], [replace(ONE, r_s=1.0 + shift)]).beats == same
        for k, (on, off) in enumerate(wave for wave in ONE.waves if wave):
            for edges in ((on + shift, off), (on, off + shift)):
                waves = list(ONE.waves)
                waves[k] = edges
                moved = replace(ONE, waves=(waves[0], waves[1], waves[2]))
                assert equal_beats([ONE], [moved]).waves == 2 + same


def test_labels_and_waves_that_only_one_has_are_not_equal() -> None:
    assert equal_beats([ONE], [replace(ONE, label="V")]) == Equal(0, 1, 3, 3)
    without = replace(ONE, waves=(None, *ONE.waves[1:]))
    assert equal_beats([ONE], [without]) == equal_beats([without], [ONE]) == Equal(1, 1, 2, 3)


def test_a_beat_that_only_one_has_counts() -> None:
    assert equal_beats([ONE, TWO], [ONE]) == Equal(1, 2, 3, 6)
    assert equal_beats([ONE], [ONE, TWO]) == Equal(1, 2, 3, 6)
    assert equal_beats([ONE, TWO], []) == equal_beats([], [ONE, TWO]) == Equal(0, 2, 0, 6)
    assert equal_beats([ONE, TWO], [ONE]) + Equal(1, 1, 3, 3) == Equal(2, 3, 6, 9)


def test_events_are_seen_as_they_are() -> None:
    beat = Beat(1.0, 0.95, 1.05, p_on_s=None, p_off_s=None, t_on_s=1.2, t_off_s=1.4, label="V")
    assert seen([beat]) == [Seen(1.0, "V", (None, (0.95, 1.05), (1.2, 1.4)))]
