"""Commands on recordings of (time, unit): looked at, shown as rasters, trained on and tested; what
pictures alone have is refused in a sentence."""

import re
from pathlib import Path

import numpy as np
import pytest
import spoken
from test_proposed import on, opens

import minisnn as ms
from minisnn import cli

SMALL = (
    "--hidden 6 --size 35 --bin-ms 50 --window 10 --updates 2 --prototype-updates 1 --train-ways 4 "
    "--evaluate-every 0 --test-episodes 2 --queries 2 --init-tasks 1 --init-rounds 1 --quiet"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return spoken.shd(tmp_path_factory.mktemp("sounds") / "SHD", 1)


@pytest.fixture
def here(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(root.parent / "cache"))
    Path("SHD").symlink_to(root)
    return tmp_path


def said(capsys, line: str, code: int = 0) -> str:
    """What a command prints, or its one line of error."""
    assert cli.main(line.split()) == code, capsys.readouterr()
    out, err = capsys.readouterr()
    return out if code == 0 else err


@pytest.mark.slow
def test_a_network_of_dense_layers_is_trained_and_tested(here, capsys):
    out = said(capsys, f"train --dataset shd --root SHD --out run {SMALL}")
    assert "test accuracy" in out and "2 unseen 5-way 1-shot episodes" in out
    found = ms.read("run/checkpoint.h5")
    assert found.net.input_shape == (35,) and found.config.hidden == (6,)
    assert found.net.channels == ()
    out = said(capsys, "evaluate --checkpoint run --episodes 2 --queries 2 --quiet")
    assert "tasks not aligned" in out and "pixel baseline" in out
    other = "--dataset shd-other-speaker --root SHD --size 35 --bin-ms 50"
    words = "evaluate --checkpoint run --episodes 2 --queries 2 --quiet"
    out = said(capsys, f"{words} --dataset shd-other-speaker --root SHD")
    assert "test accuracy" in out  # with the bins that the network learned from
    out = said(capsys, "info run")
    assert "inputs 35" in out and "shd, recordings of SHD" in out
    out = said(capsys, f"show {other} --out shown")
    assert "2 speakers" in out and "raster.png" in out and "task.gif" not in out
    assert Path("shown/task.png").is_file()
    assert "answers.png" in said(capsys, "show --checkpoint run --out answered")


def test_the_usual_steps_are_the_same_said_or_not(tmp_path, monkeypatch):
    """So a run that was begun when they were always said goes on."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).poisson(0.1, (24, 20, 2, 4, 4))
    sets = ms.Recordings(x, list("abcdef") * 4, duration_ms=20).split(train=1, val=1, test=1)
    small = dict(channels=(), ways=2, queries=1, window=8, backend="numpy", evaluate_every=0)
    said, unsaid = (
        ms.TrainingConfig(**small, updates=2, tasks=1, test_episodes=0, **how)
        for how in (dict(bin_ms=1.0, duration_ms=100.0), {})
    )
    assert unsaid.changes_from(said) == said.changes_from(unsaid) == []
    assert ms.TrainingConfig(bin_ms=2.0).changes_from(ms.TrainingConfig()) == ["bin_ms 1.0 -> 2.0"]
    first = ms.train(said, "run", progress=False, data=sets)
    again = ms.train(unsaid, "run", resume=True, progress=False, data=sets)
    assert np.array_equal(first.theta, again.theta)
    sound, other = (
        ms.TrainingConfig(dataset="shd", channels=(), bin_ms=bin_ms) for bin_ms in (None, 1.0)
    )
    assert other.changes_from(sound) == ["bin_ms None -> 1.0"]


@pytest.mark.parametrize(
    "line, words",
    [
        ("train --dataset shd --root SHD --align", "a shifted sound is another one: leave it out"),
        ("train --dataset shd --root SHD --draws 3", "draws is not for shd"),
        ("train --dataset shd --root SHD --channels 4", "channels must be none for shd: sounds"),
        ("train --dataset shd", "root of shd is None; .* holds shd_train.h5"),
        ("info SHD", "SHD: no run, recordings or pictures"),
        (
            "train --dataset recordings --root SHD/shd_test.h5 --size 4,4 --channels none",
            "of units",
        ),
    ],
)
def test_what_pictures_alone_have_is_refused(here, capsys, line, words):
    command = line.split()[0]
    out = {"train": " --out run --quiet", "show": " --out shown", "info": ""}[command]
    err = said(capsys, line + out, 2)
    assert re.search(words, err), err
    assert sum(line.startswith("minisnn: ") for line in err.splitlines()) == 1


def test_tasks_of_sounds_are_not_aligned(here, capsys):
    said(capsys, f"train --dataset shd --root SHD --out run {SMALL}")
    err = said(capsys, "evaluate --checkpoint run --align support", 2)
    assert "--align" in err
    found = ms.read("run/checkpoint.h5")
    how = dict(root="SHD", how=dict(size=35, bin_ms=50), episodes=2, queries=1, progress=False)
    with pytest.raises(ValueError, match="align shifts pictures; the units of a sound"):
        ms.evaluate(found.net, found.theta, found.inner, "shd", align="support", **how)
    result = ms.evaluate(found.net, found.theta, found.inner, "shd", align="none", **how)
    assert result["align"] == "none" and result["episodes"] == 2


def unnumbered(path: Path, t, unit) -> None:
    np.savez(path.with_suffix(".npz"), t=t, unit=unit)


def numbered(path: Path, t, unit) -> None:
    np.savez(path.with_suffix(".npz"), t=t, unit=unit, sensor=np.array([700]))


def table(path: Path, t, unit) -> None:
    rows = np.stack([t / 1e6, unit], 1)
    np.savetxt(path.with_suffix(".csv"), rows, "%.6f", ",", header="t_s,channel", comments="")


def bare(path: Path, t, unit) -> None:
    np.save(path.with_suffix(".npy"), np.stack([unit, t], 1))


KINDS = {
    "unnumbered": (unnumbered, ""),
    "numbered": (numbered, ""),
    "table": (table, "--sensor 700"),
    "bare": (bare, "--sensor 700 --columns unit,t"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_that_info_prints_opens_units(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    write, flags = KINDS[kind]
    rng = np.random.default_rng(0)
    for k in range(14):
        place = tmp_path / kind / spoken.DIGITS[k // 2]
        place.mkdir(parents=True, exist_ok=True)
        t, unit = spoken.spikes(k // 2, k % 2, rng)
        write(place / str(k), np.rint(t * 1e6).astype(np.int64), unit)
    sheet = tmp_path / "sheet.png"
    drawn = f" --sheet {sheet}" * (kind == "unnumbered")
    out = said(capsys, f"info {tmp_path / kind} {flags}{drawn}")
    assert "looks wrong" not in out and sheet.is_file() == bool(drawn), out
    assert "of 700 units" in out or kind == "unnumbered"
    how = "--bin-ms 10 --duration-ms 1000 --window 100 --channels none --hidden 128 --ways 2"
    units = " --sensor 700" * (kind == "unnumbered")
    opens(on(tmp_path / kind, f"{flags}{units} {how}"))
    one = next((tmp_path / kind).glob("*/*"))
    out = said(capsys, f"info {one} {flags}")
    assert "150 events of " in out and " units" in out and "active units" in out
