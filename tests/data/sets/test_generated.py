"""Generated tasks of regression: what they say of themselves, from their own spikes."""

import numpy as np
import pytest

import minisnn as ms

SETS = [(ms.Waves, 1), (ms.Movement, 2), (ms.Bars, 2)]


@pytest.mark.parametrize("make, outputs", SETS)
def test_a_task_is_its_seed_split_and_number(make, outputs):
    one = make("test").episode(3, 5, outputs, 4, 6)
    again = make("test").episode(3, 5, outputs, 4, 6)
    assert np.array_equal(one.x_query, again.x_query) and np.array_equal(one.y_query, again.y_query)
    for other in (
        make("val").episode(3, 5, outputs, 4, 6),
        make("test").episode(3, 6, outputs, 4, 6),
    ):
        assert not np.array_equal(one.y_query, other.y_query)
    assert (one.ways, len(one.y_support), len(one.y_query)) == (outputs, 4, 6)
    with pytest.raises(ValueError, match="ways"):
        make().episode(0, 0, outputs + 1)


def test_a_wave_is_a_sine_of_what_its_spikes_code():
    for index in range(5):
        task = ms.Waves(steps=4000).episode(0, index, shots=40, queries=1)
        rates = task.x_support.mean(1)
        x = rates @ np.linspace(-5, 5, 48) / rates.sum(1)
        inside = np.abs(x) < 3.5  # at the ends the mean of the units that fire is pulled inwards
        columns = np.stack([np.sin(x[inside]), np.cos(x[inside])], 1)
        y = task.y_support[inside, 0]
        parts, *_ = np.linalg.lstsq(columns, y, rcond=None)
        assert 0.1 < np.hypot(*parts) < 5.05 and parts[1] > -0.05
        assert np.abs(columns @ parts - y).max() < 0.05 * np.hypot(*parts)


def test_a_day_changes_what_neurons_say():
    def rows(task):
        kernel = np.exp(-np.arange(12) / 5) / 5.5
        counts = np.apply_along_axis(np.convolve, 1, task.x_support, kernel)[:, :30]
        return counts.reshape(-1, 96), task.y_support.reshape(-1, 2)

    def explained(**how):
        """R^2 on another day of what was learned on one."""
        days = [ms.Movement(**how).episode(0, day, 2, shots=100, queries=1) for day in (0, 1)]
        (F, y), (G, z) = map(rows, days)
        W = np.linalg.solve(F.T @ F + np.eye(96), F.T @ y)
        return 1 - ((G @ W - z) ** 2).sum() / ((z - z.mean(0)) ** 2).sum()

    assert explained(replaced=0.0, turned=0.0, scaled=0.0) > 0.5 > 0.3 > explained()


@pytest.mark.parametrize("new", [{}, {"turned": np.pi}, {"cropped": 0.8}, {"dead": 0.9}])
def test_a_bar_passes_a_cameras_cells_as_fast_as_it_moves(new):
    usual = dict(steps=200, turned=0.0, cropped=0.0, dead=0.0, noise=0.0)
    task = ms.Bars(**usual | new).episode(0, 0, 2, shots=30, queries=1)
    cells = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, 12)]), 2).reshape(-1, 2)
    seen = []
    for x in task.x_support[..., 0]:  # an edge passes cell p at a step s = constant + slope.p
        step, cell = np.nonzero(x.reshape(200, -1))
        columns = np.pad(cells[cell], ((0, 0), (0, 1)), constant_values=1)
        slope = np.linalg.lstsq(columns, step, rcond=None)[0][:2]
        seen.append(slope / (slope @ slope))
    to_scene = np.linalg.lstsq(np.array(seen), task.y_support, rcond=None)[0]
    off = np.array(seen) @ to_scene - task.y_support
    assert np.abs(off).mean() < 0.05
    size = np.sqrt(np.linalg.det(to_scene)) * 0.3  # of the scene, 0.3 a step
    assert np.allclose(to_scene @ to_scene.T, (size / 0.3) ** 2 * np.eye(2), atol=0.3)
    assert 0.2 < size < 0.97 if "cropped" in new else size == pytest.approx(1, abs=0.03)
    turned = np.abs(to_scene[0, 1]) > 0.1 / 0.3
    assert turned == ("turned" in new)
    dead = (task.x_support.sum((0, 1, 4)) == 0).mean()
    assert 0.05 < dead < 0.9 if "dead" in new else dead == 0
