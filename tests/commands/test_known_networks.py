"""The network that a command takes where only a set of tasks is named."""

import argparse
from pathlib import Path

import numpy as np
import pytest

import minisnn as ms
from minisnn import cli
from minisnn.commands.options import NETWORKS, OF_ORDERS, known_network
from minisnn.data.store.shipped import shipped
from minisnn.data.written.strokes import Stroke, strokes_of, write_strokes


def asked(checkpoint=None, dataset=None, strokes=None):
    return argparse.Namespace(checkpoint=checkpoint, dataset=dataset, strokes=strokes)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_ships_and_was_trained_on_that_set(name):
    assert known_network(asked(dataset=name)) == Path(NETWORKS[name])
    learned = ms.read(shipped(NETWORKS[name])).origin.data
    assert learned in (name, f"{name}-background", None)


def test_orders_have_their_own():
    """Which learned them: its features are read many times."""
    assert known_network(asked(None, "written", ["Korean", "order"])) == Path(OF_ORDERS)
    assert known_network(asked(None, "written", ["Korean"])) == Path(NETWORKS["written"])
    found = ms.read(shipped(OF_ORDERS))
    assert found.config.strokes == ("order",) and found.inner.readings == found.config.readings > 1


def test_info_says_how_often_features_are_read(capsys):
    for name, said in (
        (OF_ORDERS, ", features read 32 times"),
        (NETWORKS["written"], ", 9 looks at a recording"),
        ("omniglot_fine.h5", ""),
    ):
        assert cli.main(["info", name]) == 0
        assert f"inner loop  none, nearest class mean{said}\n" in capsys.readouterr().out


def test_one_that_is_named_comes_first():
    assert known_network(asked(Path("runs/mine"), "written")) == Path("runs/mine")


def test_without_either_it_says_what_is_expected(capsys):
    for words, said in (
        ([], "no network was named; expected --checkpoint FILE, or --dataset with one of"),
        (["--dataset", "shd"], "no network ships for --dataset shd"),
    ):
        with pytest.raises(SystemExit) as error:
            cli.main(["evaluate", *words])
        assert error.value.code == 2 and said in capsys.readouterr().err


def test_its_name_is_told_and_kept(tmp_path, capsys, rng):
    corners = rng.uniform(10, 95, (6, 2, 2))
    kinds = np.repeat(np.arange(6), 4)
    drawings = [[Stroke(corners[kind], np.array([0, 300]))] for kind in kinds]
    names = [f"Made/{k}" for k in range(6)]
    path = tmp_path / "strokes.npz"
    write_strokes(path, strokes_of(drawings, kinds, np.tile(np.arange(4), 6), names))
    out = tmp_path / "found.json"
    words = ["evaluate", "--dataset", "written", "--root", str(path), "--episodes", "1"]
    assert cli.main([*words, "--queries", "1", "--no-baselines", "--json", str(out)]) == 0
    assert f"{NETWORKS['written']} is tested, which ships for written" in capsys.readouterr().err
    assert NETWORKS["written"] in out.read_text()
    # steps go through one look, where the network takes nine
    assert cli.main([*words, "--queries", "1", "--no-baselines", "--inner-steps", "1"]) == 0
    assert "test accuracy" in capsys.readouterr().out
