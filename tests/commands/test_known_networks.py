"""The network that a command takes where only a set of tasks is named."""

from pathlib import Path

import numpy as np
import pytest

import minisnn as ms
from minisnn import cli
from minisnn.commands.options import NETWORKS, OF_ORDERS, network_for
from minisnn.data.written.strokes import Stroke, strokes_of, write_strokes


@pytest.mark.parametrize("name", NETWORKS)
def test_it_ships_and_was_trained_on_that_set(name):
    assert network_for(name, ()) == Path(NETWORKS[name])
    assert ms.read(NETWORKS[name]).origin.data in (name, f"{name}-background", None)


def test_orders_have_their_own():
    """Which learned them: its features are read many times."""
    assert network_for("written", ("Korean", "order")) == Path(OF_ORDERS)
    assert network_for("written", ("Korean",)) == Path(NETWORKS["written"])
    found = ms.read(OF_ORDERS)
    assert found.config.strokes == ("order",) and found.inner.readings == found.config.readings > 1


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
