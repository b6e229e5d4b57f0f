"""Two protocols never have one label: whatever option of `evaluate` changes a figure stands in the
JSON, and in the sentence where it is not what the network was trained for."""

import re
from pathlib import Path

import numpy as np
import pytest
import strokes
from sweeps import noise
from written import read_json

import minisnn as ms
from minisnn import cli

TRAIN = (
    "--model snn --backend numpy --channels none --hidden 6 --window 4 --ways 2 --updates 1 "
    "--tasks 1 --queries 2 --evaluate-every 0 --test-episodes 6 --init-tasks 1 --init-rounds 1 "
    "--rule maml --order 1 --learn-step-size no --prototype-updates 0 --first-order-updates 0 --quiet"
)
DIGITS = f"train --root digits {TRAIN}"
WRITTEN = f"train --dataset written --root pen.npz --bin-ms 40 {TRAIN}"
FOLDER = f"train --dataset recordings --root own --sensor 6,6 --duration-ms 12 {TRAIN}"
CLASSIFIER = FOLDER.replace("--ways 2 ", "").replace("--rule maml --order 1", "--rule classify")
CLASSIFIER = CLASSIFIER.replace("--updates 1 ", "--updates 60 --lr 0.02 ")
CLASSIFIER = CLASSIFIER.replace("--queries 2", "--queries 4").replace("--window 4", "--window 12")


# how each option is tried, on which network; None where no figure can depend on it
TRIED = {
    "dataset": ("digits", "--dataset double-nmnist"),
    "root": ("digits", "--root others"),
    "split": ("digits", "--split val"),
    "strokes": ("written", "--strokes shuffled"),
    "episodes": ("digits", "--episodes 3"),
    "seed": ("digits", "--seed 1"),
    "ways": ("digits", "--ways 3"),
    "shots": ("digits", "--shots 2"),
    "queries": ("digits", "--queries 5"),
    "inner_steps": ("digits", "--inner-steps 3"),
    "step_size": ("digits", "--step-size 40"),
    "rule": ("digits", "--rule nearest"),
    "align": ("digits", "--align none"),
    "checkpoint": None,  # another network, which the JSON names
    **dict.fromkeys(("against", "baselines")),  # other rows
    **dict.fromkeys(("json", "force", "quiet", "threads", "workers", "scheduler", "help")),
}
MORE = [  # the same option may mean something else to another network
    ("written", "--strokes summed"),
    ("written", "--strokes Ogham"),
    ("classifier", "--split val"),
    ("classifier", "--seed 1"),
    ("classifier", "--episodes 9"),
    ("classifier", "--queries 5"),
    ("own", "--root moved"),
]


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A folder with a network of each kind, and what they learned from."""
    with pytest.MonkeyPatch.context() as patched:
        place = tmp_path_factory.mktemp("asked")
        patched.chdir(place)
        patched.setenv("MINISNN_CACHE", str(place / "cache"))
        for root, seed in (("digits", 0), ("others", 1)):
            for part in ("Train", "Test"):
                for digit in range(10):
                    for number in range(1, 11):
                        path = Path(root, part, str(digit), f"{number:05}.bin")
                        path.parent.mkdir(parents=True, exist_ok=True)
                        ms.write_nmnist(path, bars(digit, (seed, number, len(part)), 34))
        for root, seed in (("own", 0), ("moved", 1)):
            for label in range(12):
                for number in range(12):
                    path = Path(root, f"c{label}", f"{number}.npy")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    np.save(path, bars(label, (seed, number), 6))
        strokes.file(Path("pen.npz"))
        lines = dict(digits=DIGITS, written=WRITTEN, own=FOLDER, classifier=CLASSIFIER)
        for name, line in lines.items():
            assert cli.main([*line.split(), "--out", f"net-{name}"]) == 0, name
        yield place


def bars(label: int, key: tuple, size: int) -> np.ndarray:
    """Noise, and a bar where the label says."""
    events = noise(np.random.default_rng((label, *key)), (size, size), 90, 12)
    events["x"][::2] = label % size
    events["y"][::2] = label // size
    return events


def outcome(network: str, flags: str, command) -> tuple[dict, str]:
    """The JSON and the sentence."""
    usual = "" if "--episodes" in flags else "--episodes 6"
    line = f"evaluate --checkpoint net-{network} {usual} --quiet --json a.json --force"
    line += " --no-baselines" * (network != "classifier")
    code, out, err = command(f"{line} {flags}")
    assert code == 0, err
    return read_json("a.json"), out.splitlines()[0]


FIGURES = re.compile(r"\d+\.\d+( ± \d+\.\d+)?|± for [\w ]+; ")


def test_every_option_is_tried():
    parser = cli.parser("evaluate")
    [sub] = [action.choices["evaluate"] for action in parser._actions if action.choices]
    assert {action.dest for action in sub._actions} == set(TRIED)


CASES = [one for one in TRIED.values() if one is not None] + MORE


@pytest.mark.parametrize("network, flags", CASES, ids=[" ".join(one) for one in CASES])
def test_whatever_changes_a_figure_is_said(network, flags, networks, command):
    usual, before = outcome(network, "", command)
    found, after = outcome(network, flags, command)
    assert "unlike in training" not in before
    figures = {"per_episode", "per_episode_before"}
    if flags != "--dataset double-nmnist":  # which is the network's own
        assert any(found[name] != usual[name] for name in figures), "shows nothing"
        words = [FIGURES.sub("", one) for one in (before, after)]
        assert words[0] != words[1]
        measured = figures | {"ci95", "ci95_recordings", "ci95_classes", "interval"}
        measured |= {name for name in found if name.startswith("accuracy")}
        asked = [{n: v for n, v in one.items() if n not in measured} for one in (usual, found)]
        assert asked[0] != asked[1]


def test_how_recordings_are_read_stands_in_the_numbers(networks, command):
    read = outcome("written", "--strokes summed", command)[0]
    assert (read["bin_ms"], read["size"]) == (40, [20, 20])
    assert read["trained_for"]
    own = outcome("own", "", command)[0]
    assert (own["sensor"], own["duration_ms"], own["bin_ms"]) == ([6, 6], 12, 1)
    assert own["trained_for"] == {}
