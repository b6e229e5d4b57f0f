"""A run knows what made it and what it learns from: no command goes on with, tests, shows or
exports one as another."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from toy import ToySet, interrupt, toy_config, toy_data
from written import rewrite

from minisnn import cli
from minisnn.training import checkpoint, evaluation, run as training
from minisnn.data.sets import named
from minisnn.data.sets.named import Opened
from minisnn.training.folder import RunFolder
from minisnn.training.origin import CHIP, PYTHON, TRAIN, Origin
from minisnn.training.run import Interrupted, train

SILENT = dict(progress=False)


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.setattr(RunFolder, "draw", lambda self, rows, chance: None)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def opened(monkeypatch):
    """Toy tasks stand for what lies under every root; `opened[root]` makes other recordings of
    them."""
    shifts: dict = {}

    def open_set(name, split, root=None, progress=True, **options):
        found = ToySet(split)
        found.first += shifts.get(root, 0)
        return found

    for module in (evaluation, named):
        monkeypatch.setattr(module, "open_set", open_set)
    return shifts


@pytest.fixture
def said(capsys):
    """Exit code and standard error of a command line."""

    def call(*arguments):
        code = cli.main([str(one) for one in arguments])
        return code, capsys.readouterr().err

    return call


def stopped(out, config=None, given=True, at=9, **options):
    """A run that is stopped half way."""
    data = toy_data({at: interrupt})
    if not given:
        data = Opened(data, "double-nmnist")
    with pytest.raises(Interrupted) as found:
        train(config or toy_config(), out, data=data, **SILENT, **options)
    return str(found.value)


def test_a_run_on_data_given_in_python_is_no_commands(said, tmp_path):
    """Else it would go on with digits, end with exit 0 and print a digit accuracy."""
    message = stopped(tmp_path / "mine")
    assert (
        f"continue with out='{tmp_path / 'mine'}', resume=True in Python, and the same data"
        in message
    )
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    code, err = said("train", "--resume", "mine", "--quiet")
    assert (
        code == 2
        and "mine: the run learns from data given in Python (ToySet); continue with out='mine'"
        in err
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == before
    for line in (("evaluate", "--checkpoint"), ("show", "--checkpoint")):
        code, err = said(*line, "mine")
        assert (
            code == 2
            and "the network learned from data given in Python (ToySet), which no command can open"
            in err
        )
    code, err = said("hardware", "export", "--checkpoint", "mine", "--out", "chip")
    assert code == 2 and "minisnn" in err and not Path("chip").exists()
    train(RunFolder("mine").config(), "mine", resume=True, data=toy_data(), **SILENT)
    result = json.loads(Path("mine/result.json").read_text())
    assert (result["dataset"], result["root"]) == ("ToySet", None)
    made = checkpoint.read("mine").origin
    assert (
        made
        == Origin(TRAIN, PYTHON, kind="ToySet", classes=made.classes, recordings=[])
        == RunFolder("mine").read()[1]
    )


def test_a_run_for_the_chip_is_not_one_of_train(said, tmp_path):
    class Chip(type(training.Held())):
        command = CHIP

    assert f"continue with --resume {tmp_path}" in stopped(tmp_path, given=False, held=Chip())
    code, err = said("train", "--resume", tmp_path)
    assert (
        code == 2
        and f"was made by minisnn hardware train; expected that to continue it, with --resume {tmp_path}"
        in err
    )
    code, err = said("evaluate", "--checkpoint", tmp_path)
    assert code == 2 and f"give the model's own network, {tmp_path / 'network.h5'}" in err
    code, err = said("nir", "export", tmp_path, "net.nir")
    assert code == 2 and "network.h5" in err and not Path("net.nir").exists()
    with pytest.raises(ValueError, match="was made by minisnn hardware train;"):
        train(toy_config(), tmp_path, resume=True, data=toy_data(), **SILENT)


def test_other_recordings_in_the_same_folder_are_noticed(opened, tmp_path):
    config = toy_config(
        root="taken", updates=4, checkpoint_every=2, evaluate_every=0, test_episodes=0
    )
    train(config, tmp_path, **SILENT)
    train(config, tmp_path, resume=True, **SILENT)
    opened["taken"] = 1
    with pytest.raises(
        ValueError,
        match="taken: these are not the recordings that the run in .* learns from; bring them back",
    ):
        train(config, tmp_path, resume=True, **SILENT)


# ---- records of it


DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("name", [path.name for path in sorted(DATA.glob("*.h5"))])
def test_every_network_that_ships_says_what_it_learned_from(name):
    """Those of before records were kept, too, by their settings."""
    found = checkpoint.read(DATA / name)
    assert found.origin.command == (CHIP if "chip" in name else TRAIN)
    assert found.origin.data == found.config.dataset and found.origin.root is None
    found.check_usable(DATA / name)


def test_a_checkpoint_keeps_its_record(tmp_path):
    made = Origin(CHIP, "double-nmnist", "somewhere")

    def with_record(file):  # `sample` as 0.2 wrote it
        origin = {**asdict(made), "sample": None}
        file.attrs["provenance"] = json.dumps({"origin": origin, "chip": {}})

    found = checkpoint.read(rewrite(DATA / "double_nmnist_chip.h5", tmp_path / "a.h5", with_record))
    assert found.origin == made and found.to_open("a.h5", None, None) == (
        "double-nmnist",
        "somewhere",
    )
    with pytest.raises(ValueError, match="network.h5"):
        replace(found, provenance={}).to_open("a.h5", None, None)
