"""Recorded days of counts and velocities: each form of a file, splits by date, halves, refusals."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from written import read_json

import minisnn as ms


def write(path, counts, velocities, names=("counts", "velocities")):
    arrays = dict(zip(names, (counts, velocities)))
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.stem.endswith("73"):
        with h5py.File(path, "w", userblock_size=512) as file:  # columns first, as MATLAB writes
            for name, a in arrays.items():
                file[name] = a.T
    else:
        savemat(path, arrays, do_compression="packed" in path.stem)


def folder(path, outputs=2, shuffled=False, forms=(".npz", ".mat", "-packed.mat", "-73.mat")):
    """Eight days; a unit counts what is due to one velocity or its opposite."""
    path.mkdir()
    rng = np.random.default_rng(0)
    days = []
    for day in range(8):
        v = np.repeat(rng.normal(0, 3 + day, (200, outputs)), 4, 0)
        counts = rng.poisson(np.maximum(0, np.concatenate([v, -v] * 3, 1)))
        shown = rng.permutation(v) if shuffled else v
        write(path / f"2016-10-0{day + 1}{forms[day % len(forms)]}", counts, shown)
        days.append((counts, shown))
    return days


def test_a_day_is_a_task_in_every_form_of_file(tmp_path):
    days = folder(tmp_path / "monkey")
    scale = np.sqrt(np.mean(np.concatenate([v for _, v in days[:6]]) ** 2))
    for split, own in dict(train=days[:6], val=days[6:7], test=days[7:]).items():
        tasks = ms.Days(split, tmp_path / "monkey", steps=20)
        met = set()
        for index in range(30):
            task = tasks.episode(0, index, 2, 4, 5)
            assert (task.x_support.shape, task.y_query.shape) == ((4, 20, 12), (5, 20, 2))
            for day, (counts, v) in enumerate(own):
                counts = counts.reshape(-1, 20, 12)
                v = v.reshape(-1, 20, 2) / scale
                places = [
                    [np.flatnonzero((counts == x).all((1, 2))) for x in side]
                    for side in (task.x_support, task.x_query)
                ]
                if all(len(p) for side in places for p in side):
                    met.add(day)
                    support, query = (np.concatenate(side) for side in places)
                    assert support.max() < len(counts) / 2 <= query.min()
                    assert np.allclose(v[support], task.y_support)
                    assert np.allclose(v[query], task.y_query)
        assert met == set(range(len(own)))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_run_decodes_days_and_noise_ends_at_the_baseline(shuffled, tmp_path, command):
    folder(tmp_path / "monkey", shuffled=shuffled)
    code = "import minisnn as ms\n\ndef monkey(split):\n    return ms.Days(split, 'monkey', steps=20)\n"
    (tmp_path / "own.py").write_text(code)
    how = (
        "train --dataset own.py:monkey --rule ridge --penalty 100 --loss squared --readout steps "
        "--ways 2 --channels none --hidden 30 --neuron cuba --alpha 0.1 --beta 0.1 --gain 1 --window 20 "
        "--shots 10 --queries 10 --updates 30 --evaluate-every 0 --test-episodes 10 --quiet --out run"
    )
    assert command(how)[0] == 0
    result = read_json("run/result.json")
    if shuffled:
        assert result["error_after"] == pytest.approx(result["rules"]["mean"]["mean"], rel=0.2)
        assert result["r2"] < 0.05
    else:
        assert result["r2"] > 0.5


@pytest.mark.parametrize(
    "write_it, word",
    [
        (lambda p: np.savez(p, counts=np.ones((200, 12))), "velocities"),
        (lambda p: write(p, np.ones((200, 11)), np.ones((200, 2))), "11"),
        (lambda p: write(p, np.ones((200, 12)), np.ones((199, 2))), "199"),
        (lambda p: write(p, np.ones((200, 12)), np.full((200, 2), np.nan)), "finite"),
        (lambda p: p.write_bytes(b"PK"), "09"),
    ],
)
def test_a_day_that_does_not_fit_is_named(write_it, word, tmp_path):
    folder(tmp_path / "monkey")
    write_it(tmp_path / "monkey/2016-10-09.npz")
    with pytest.raises(ValueError, match=word) as error:
        ms.Days("train", tmp_path / "monkey")
    assert "2016-10-09.npz" in str(error.value) and "\n" not in str(error.value)


def test_other_names_and_too_short_a_day(tmp_path):
    for day in range(3):
        path = tmp_path / f"{day}.mat"
        write(path, np.ones((90, 4)), np.ones((90, 1)), ("binned", "cursor"))
    tasks = ms.Days("val", tmp_path, counts="binned", velocities="cursor")
    with pytest.raises(ValueError, match="half"):
        tasks.episode(0, 0, 1, 2, 1)
    assert tasks.episode(0, 0, 1, 1, 2).y_query.shape == (2, 30, 1)
