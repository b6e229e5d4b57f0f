"""What `minisnn info` says of recordings, which train then opens with the same flags, and of what
is wrong with them; recordings of (time, unit) from training to pictures."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import spoken
from sweeps import SENSOR, in_unit, sweep

import minisnn as ms


pytestmark = pytest.mark.usefixtures("cached_here")


@pytest.fixture
def said(command):
    """What a command prints, or its error."""

    def call(line: str, code: int = 0) -> str:
        ended, out, err = command(line)
        assert ended == code, (out, err)
        return err if code else out

    return call


def array(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k), "ms"))


def archive(path: Path, k: int) -> None:
    np.savez(path.with_suffix(".npz"), events=in_unit(sweep(k), "us"), sensor=np.array(SENSOR))


def bare(path: Path, k: int) -> None:
    rows = [sweep(k)[name].astype(np.int64) for name in "txyp"]
    np.save(path.with_suffix(".npy"), np.stack(rows, 1))


def text(path: Path, k: int) -> None:
    rows = [sweep(k)[name] / (1e6 if name == "t" else 1) for name in "xytp"]
    np.savetxt(path.with_suffix(".txt"), np.stack(rows, 1), "%.6f")


def units(path: Path, k: int) -> None:
    t, unit = spoken.spikes(k // 2, k % 2, np.random.default_rng(k))
    np.savez(path.with_suffix(".npz"), t=np.rint(t * 1e6).astype(np.int64), unit=unit)


def made(root: str, write, classes: int = 7, each: int = 2, first: int = 0) -> Path:
    for k in range(classes * each):
        place = Path(root, f"class-{k // each}")
        place.mkdir(parents=True, exist_ok=True)
        write(place / f"{k}", first + k)
    return Path(root)


BRIEF = (
    "--ways 2 --channels none --updates 1 --prototype-updates 0 --tasks 1 --init-tasks 1 --init-rounds 1 --queries 1 "
    "--evaluate-every 1 --evaluate-episodes 1 --test-episodes 1 --quiet"
)


KINDS = {  # what writes them, and what info must be given
    "array": (array, "--sensor 12,16 --time ms"),
    "no-sensor": (array, "--time ms"),
    "bare": (bare, "--sensor 12,16 --columns t,x,y,p"),
    "archive": (archive, ""),
    "turned": (text, "--sensor 12,16 --columns x,y,t_s,p --flip-y"),
    "units": (units, "--sensor 700"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.every(2)
def test_what_info_describes_train_opens_with_the_same_flags(said, command, kind):
    write, flags = KINDS[kind]
    made(kind, write)
    out = said(f"info {kind} {flags} --sheet sheet.png")
    assert "looks wrong" not in out and "guides/recordings.md" in out, out
    assert "classes by split: train 3, val 2, test 2; tasks have 2 ways at most" in out
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    assert ("(12, 16): give --sensor" in out) == (kind == "no-sensor")
    of_units = " --bin-ms 10 --duration-ms 1000 --window 100 --hidden 8"
    flags += " --sensor 12,16" * (kind == "no-sensor") + of_units * (kind == "units")
    line = f"train --dataset recordings --root {kind} {flags} {BRIEF}"
    code, out, err = command(line)
    assert code == 0 and "2-way" in out and "does nothing" not in err, err


def test_a_set_of_torchneuromorphic_is_described_and_opened(said):
    with h5py.File("n_mnist.hdf5", "w") as file:
        for k in range(14):
            events = sweep(k, (34, 34))
            file[f"data/{k}/times"] = events["t"].astype(np.uint32)
            file[f"data/{k}/addrs"] = np.stack([events[name] for name in "pxy"], 1).astype(np.uint8)
            file[f"data/{k}/labels"] = np.array([k // 2])
        file["extra/train_keys"] = np.arange(14)
        file["extra/test_keys"] = np.zeros(0, int)
    assert "looks wrong" not in said("info n_mnist.hdf5")
    assert "2-way" in said(f"train --dataset recordings --root n_mnist.hdf5 {BRIEF}")
    Path("around").mkdir()
    Path("n_mnist.hdf5").rename("around/n_mnist.hdf5")
    assert "around: no recordings" in said("info around", 2)


def off_by_one(path: Path, k: int) -> None:
    events = in_unit(sweep(k), "us")
    events["x"] += 1
    np.save(path.with_suffix(".npy"), events)


WRONG = {  # how many of each class, what writes them, and flags
    "one whole recording": (1, archive, ""),
    "--columns t,x,y,p": (2, bare, "--sensor 12,16"),
    "give --time": (2, text, "--columns x,y,t,p"),
    "x reaches from 1 to 16; expected 0 to 15": (2, off_by_one, "--sensor 12,16"),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_looks_wrong_is_told(said, words):
    each, write, flags = WRONG[words]
    made("root", write, each=each)
    assert words in said(f"info root {flags}")


def test_damage_does_not_end_the_look_but_two_sensors_do(said):
    root = made("root", archive)
    (root / "class-0" / "0.npz").write_bytes(b"")
    out = said("info root")
    assert "of 16 x 12 pixels" in out and "class-0/0.npz: " in out
    np.savez(root / "class-2" / "4.npz", events=in_unit(sweep(9), "us"), sensor=np.array([24, 32]))
    assert "has a sensor of 32 x 24 pixels" in said("info root", 2)
    assert "guides/recordings.md" in said("info root --sensor 24,32")


def test_splits_that_do_not_choose_the_classes_are_told(said, command):
    made("same/train", archive, 6)
    made("same/test", archive, 6, first=100)
    _, out, err = command("info same")
    assert "these splits are not used" in err and "classes by split" in out
    made("same/train", archive, 7, first=500)
    out = said("info same")
    assert "or the same in all" in out and "classes by split" not in out


# ---- recordings of (time, unit)

SMALL = (
    "--hidden 6 --size 35 --bin-ms 50 --window 10 --updates 2 --prototype-updates 1 --train-ways 4 "
    "--evaluate-every 0 --test-episodes 2 --queries 2 --init-tasks 1 --init-rounds 1 --quiet"
)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return spoken.shd(tmp_path_factory.mktemp("sounds") / "SHD", 1)


def test_a_network_of_dense_layers_is_trained_and_tested(said, sounds):
    Path("SHD").symlink_to(sounds)
    out = said(f"train --dataset shd --root SHD --out run {SMALL}")
    assert "test accuracy" in out and "2 unseen 5-way 1-shot episodes" in out
    found = ms.read("run")
    assert found.net.input_shape == (35,) and found.config.hidden == (6,)
    look = "evaluate --checkpoint run --episodes 2 --queries 2 --quiet"
    out = said(look)
    assert "tasks not aligned" in out and "pixel baseline" in out
    assert "--align" in said(f"{look} --align support", 2)
    out = said("info run")
    assert "inputs 35" in out and "shd, recordings of SHD" in out
    out = said("show --checkpoint run --out shown")
    assert "answers.png" in out and "task.gif" not in out


@pytest.mark.parametrize(
    "line, word",
    [
        ("train --dataset shd --root SHD --align", "align"),
        ("train --dataset shd --root SHD --draws 3", "draws"),
        ("train --dataset shd --root SHD --channels 4", "channels"),
        ("train --dataset shd", "shd_train.h5"),
        ("info SHD", "SHD: no recordings"),
        ("train --dataset recordings --root SHD/shd_test.h5 --size 4,4 --channels none", "units"),
    ],
)
def test_what_pictures_alone_have_is_refused(said, sounds, line, word):
    Path("SHD").symlink_to(sounds)
    err = said(line, 2)
    assert word in err and err.splitlines()[-1].startswith("minisnn: ")
    assert not Path("runs").exists()


def test_the_usual_steps_are_the_same_said_or_not():
    """So a run that was begun when they were always said goes on."""
    usual = ms.TrainingConfig()
    said = ms.TrainingConfig(bin_ms=1.0, duration_ms=100.0)
    assert usual.changes_from(said) == said.changes_from(usual) == []
    assert ms.TrainingConfig(bin_ms=2.0).changes_from(usual) == ["bin_ms 1.0 -> 2.0"]
    sounds = [ms.TrainingConfig(dataset="shd", channels=(), bin_ms=one) for one in (None, 1.0)]
    assert sounds[1].changes_from(sounds[0]) == ["bin_ms None -> 1.0"]
