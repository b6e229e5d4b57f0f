"""What a study remembers is of these recordings, these networks and this code; else it is measured
again, and said."""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minisnn.experiments import study as studies
from minisnn.experiments.networks import Networks
from minisnn.experiments.study import Settings, Study
from minisnn.training import baselines
from toy import small_set, toy_config


def one(index: int) -> int:
    return index


@pytest.fixture
def make(tmp_path):
    root = tmp_path / "recordings"
    root.mkdir()
    for n in range(8):
        (root / f"{n}.bin").write_bytes(bytes([n]) * 40)

    def made(**changes) -> Study:
        settings = Settings(**{"episodes": 4, "queries": 2, "root": str(root), **changes})
        return Study("a", tmp_path / "out", settings, Networks(), progress=False)

    return made


def measure(study: Study, number: int, count: int = 4, made_from=("x",)) -> list:
    """What is measured now is `number` and more."""
    return study.each("key", "double-nmnist", count, partial(int.__add__, number), made_from)


def test_recordings_that_were_replaced_in_place_are_measured_anew(make, tmp_path, capsys):
    """Of the same names and sizes, and as old."""
    assert measure(make(), 0) == [0, 1, 2, 3] and measure(make(), 100) == [0, 1, 2, 3]
    path = tmp_path / "recordings" / "5.bin"
    before = path.stat()
    path.write_bytes(b"\x05" * 39 + b"\x06")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert measure(make(), 100, 8) == [
        100,
        101,
        102,
        103,
        104,
        105,
        106,
        107,
    ]  # and not four old and four new
    err = capsys.readouterr().err
    assert (
        "key.jsonl was made of other recordings, networks, settings or code: it is "
        "key.before.jsonl now" in err
    )
    assert "its 4 items are measured again" in err
    aside = (tmp_path / "out" / "records" / "key.before.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in aside[1:]] == [0, 1, 2, 3]


def test_recordings_that_were_moved_are_the_same(make, tmp_path):
    measure(make(), 0)
    (tmp_path / "recordings").rename(tmp_path / "moved")
    assert measure(make(root=str(tmp_path / "moved")), 100) == [0, 1, 2, 3]


@pytest.mark.parametrize("changes", [dict(seed=1), dict(queries=3), dict(root=None)])
def test_other_settings_are_measured_anew(changes, make):
    measure(make(), 0)
    assert measure(make(**changes), 100)[0] == 100


def test_more_episodes_go_on(make):
    measure(make(), 0)
    assert measure(make(episodes=6), 100, 6) == [0, 1, 2, 3, 104, 105]


def test_another_network_is_measured_anew(make):
    net = small_net()
    theta = net.init(np.random.default_rng(0))
    other = theta.copy()
    other[-1] = np.nextafter(other[-1], other.dtype.type(1))
    study, tasks = make(), small_set()
    study.tasks = lambda dataset, split="test", **how: tasks
    rules = [{"own": baselines.Nearest(net, one)} for one in (theta, other)]
    study.rows("rows", "double-nmnist", rules[0])
    head = [(study.out / "records" / "rows.jsonl").read_text().splitlines()[0]]
    study.rows("rows", "double-nmnist", rules[1])
    head.append((study.out / "records" / "rows.jsonl").read_text().splitlines()[0])
    assert head[0] != head[1]


def small_net():
    from minisnn import SpikingNet

    return SpikingNet((8, 12, 2), (3,), 5, kernel=3, window=8)


def test_the_module_of_an_item_counts(make, monkeypatch):
    from minisnn.experiments import figure6

    monkeypatch.setattr(studies, "code_identity", lambda *modules: " ".join(modules))
    assert studies._module_of(partial(partial(figure6._trial, 1), 2)) == [
        "minisnn.experiments.figure6"
    ]
    assert studies._module_of(one) == [] and studies._module_of(partial(int.__add__, 1)) == []


def test_what_is_no_file_of_records_stays(make, tmp_path):
    path = tmp_path / "out" / "records" / "key.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("my thesis\n")
    with pytest.raises(
        ValueError,
        match="key.jsonl: this is not a file of records; expected a folder of the studies, or a "
        "new "
        "one",
    ):
        measure(make(), 0)
    assert path.read_text() == "my thesis\n"


def test_networks_that_a_study_trains_are_of_its_recordings(make, tmp_path):
    def trained(study: Study) -> Path:
        study.tasks = lambda dataset, split="test", **how: small_set()
        config = toy_config(updates=1, evaluate_every=0, test_episodes=0, ways=3)
        return study.trained("MAML", "double-nmnist", config).out

    first = trained(make())
    assert trained(make()) == first
    (tmp_path / "recordings" / "1.bin").write_bytes(b"other")
    assert trained(make()) != first
