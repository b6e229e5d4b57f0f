"""The path of a pen at each pace, how drawings lie on a sensor, orders and directions of
strokes."""

import numpy as np

from minisnn.data.written.orders import Variant, replayed, shape_of
from minisnn.data.written.paths import LIFT, Lie, path_of
from minisnn.data.written.strokes import Stroke

CORNER = Stroke(np.array([[10.0, 10], [40, 10], [40, 30]]), np.array([0, 500, 600]))
DOT = Stroke(np.array([[70.0, 70]]), np.array([900]))


def test_at_an_even_pace_the_pen_moves_at_one_speed():
    path = path_of([CORNER, DOT], "even", 640)
    way = 50 + LIFT
    assert path.t[0] == 0 and 639.9 < path.t[-1] < 640 and (np.diff(path.t) >= 0).all()
    line = path.down & (path.t < 630 * 50 / way)
    moved = np.hypot(*np.diff(path.xy[line], axis=0).T) / np.diff(path.t[line])
    assert np.allclose(moved[moved > 0], way / 640, rtol=1e-6)
    assert (~path.down).sum() == 4 and path.xy[0].tolist() == path.xy[1].tolist() == [10, 10]


def test_turns_are_those_of_pictures():
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 105, (40, 2))
    here = np.zeros((9, 9))
    here[tuple(np.floor(Lie((9, 9)).place(xy)).astype(int).T)] = 1
    for turn in (0, 90, 180, 270, 360, 450, 540, 630):
        there = np.zeros((9, 9))
        there[tuple(np.floor(Lie((9, 9), turn=turn).place(xy)).astype(int).T)] = 1
        turned = np.rot90(here, -(turn % 360) // 90)
        assert np.array_equal(there, turned[:, ::-1] if turn >= 360 else turned), turn


# ---- orders


def test_strokes_are_matched_whatever_their_order_and_direction():
    rng = np.random.default_rng(1)
    lines = [np.linspace(*ends, 9) for ends in (([10, 10], [90, 10]), ([20, 90], [90, 40]))]
    drawings, truth = [], []
    for k in range(6):
        order, turned = rng.permutation(2), rng.random(2) < 0.5
        order[:] = order if k else (0, 1)
        turned[:] = turned if k else False
        xy = [lines[n] + rng.normal(0, 1, (9, 2)) for n in order]
        xy = [one[::-1] if back else one for one, back in zip(xy, turned)]
        drawings.append([Stroke(one, np.arange(9) + 20 * n) for n, one in enumerate(xy)])
        truth.append((order, turned))
    shape = shape_of(drawings, list(range(10, 16)))
    assert shape is not None and shape.numbers == list(range(10, 16))
    first = [drawings[0][k].xy for k in shape.matches[0].order]
    first = [one[::-1] if back else one for one, back in zip(first, shape.matches[0].turned)]
    for drawing, match in zip(drawings, shape.matches):
        for k, one in enumerate(first):
            own = drawing[match.order[k]].xy
            assert np.abs((own[::-1] if match.turned[k] else own) - one).max() < 10


def test_a_variant_replays_the_same_strokes():
    drawn = [CORNER, Stroke(np.array([[5.0, 60], [90, 60]]), np.array([700, 1000]))]
    as_it_was = Variant((0, 1), (False, False))
    same = replayed(drawn, as_it_was, as_it_was)
    assert all(np.array_equal(a.xy, b.xy) and np.array_equal(a.t, b.t) for a, b in zip(drawn, same))
    other = replayed(drawn, as_it_was, Variant((1, 0), (False, True)))
    assert [one.t.tolist() for one in other] == [[0, 300], [400, 900, 1000]]
    assert other[0].xy.tolist() == [[90, 60], [5, 60]] and np.array_equal(other[1].xy, CORNER.xy)
    turned = replayed(drawn, as_it_was, Variant((0, 1), (True, False)))[0]
    assert turned.xy.tolist() == CORNER.xy[::-1].tolist() and turned.t.tolist() == [0, 100, 600]
    # a stroke that was drawn from its other end is the reference's when it is turned
    other_way = replayed(drawn, Variant((0, 1), (True, False)), as_it_was)
    assert np.array_equal(other_way[0].xy, turned.xy)
    assert np.array_equal(other_way[1].xy, drawn[1].xy)
    assert Variant((1, 0), (False, True)).told() == "2-1+"
