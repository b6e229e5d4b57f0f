"""Every command that `minisnn info` prints for recordings works, for a dozen kinds of them, and
what is wrong is told."""

import shlex
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from minisnn import cli
from minisnn.data.readers.nmnist import write_nmnist
from minisnn.data.readers.spoken import write_spoken
from minisnn.training.evaluation import check_ways, open_sets
from minisnn.training.presets import chosen
from minisnn.training.settings import TrainingConfig
from sweeps import SENSOR, in_unit, sweep

QUICK = (
    "--channels 2 --kernel 3 --updates 1 --evaluate-every 0 --test-episodes 1 --queries 1 "
    "--init-tasks 1 --init-rounds 1"
)
CLASSES = 7


def array(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k), "us"))


def milliseconds(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k), "ms"))


def named_unit(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k), "ms", "t_ms"))


def bare(path: Path, k: int) -> None:
    np.save(
        path.with_suffix(".npy"), np.stack([sweep(k)[name].astype(np.int64) for name in "txyp"], 1)
    )


def archive(path: Path, k: int) -> None:
    np.savez(path.with_suffix(".npz"), events=in_unit(sweep(k), "us"), sensor=np.array(SENSOR))


def text(path: Path, k: int) -> None:
    np.savetxt(
        path.with_suffix(".txt"),
        np.stack([sweep(k)[name] / (1e6 if name == "t" else 1) for name in "xytp"], 1),
        "%.6f",
    )


def table(path: Path, k: int) -> None:
    events = sweep(k)
    np.savetxt(
        path.with_suffix(".csv"),
        np.stack([events[n] for n in "xytp"], 1),
        "%d",
        ",",
        header="x,y,t,p",
        comments="",
    )


def group(path: Path, k: int) -> None:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file.update({f"events/{name}": sweep(k)[name] for name in "xytp"})


def bytes_34(path: Path, k: int) -> None:
    write_nmnist(path.with_suffix(".bin"), sweep(k, (34, 34)))


def bytes_of_another(path: Path, k: int) -> None:
    write_nmnist(path.with_suffix(".bin"), sweep(k))
    path.with_suffix(".bin").rename(path.with_suffix(".bs2"))


def matlab(path: Path, k: int) -> None:
    events = sweep(k, (18, 24))
    savemat(
        path.with_suffix(".mat"),
        dict(ts=events["t"], x=events["x"], y=events["y"], pol=events["p"]),
    )


def stream(path: Path, k: int) -> None:
    out = bytearray(b"Event Stream\2\0\0\1" + bytes([SENSOR[1], 0, SENSOR[0], 0]))
    before = 0
    for one in sweep(k):
        passed, before = int(one["t"]) - before, int(one["t"])
        out += b"\xff" * (passed // 127) + bytes(
            [passed % 127 << 1 | int(one["p"]), one["x"], 0, SENSOR[0] - 1 - one["y"], 0]
        )
    path.with_suffix(".es").write_bytes(bytes(out))


def large(path: Path, k: int) -> None:
    np.save(path.with_suffix(".npy"), in_unit(sweep(k, (100, 120), burst=2), "us"))


KINDS = {  # what writes them, and what `info` must be told
    "array": (array, "--sensor 12,16"),
    "array of no sensor": (array, ""),
    "milliseconds": (milliseconds, "--sensor 12,16 --time ms"),
    "named unit": (named_unit, "--sensor 12,16"),
    "bare": (bare, "--sensor 12,16 --columns t,x,y,p"),
    "archive": (archive, ""),
    "text in seconds": (text, "--sensor 12,16 --columns x,y,t_s,p"),
    "turned over": (table, "--sensor 12,16 --flip-y"),
    "group": (group, "--sensor 12,16"),
    "bin": (bytes_34, ""),
    "bs2": (bytes_of_another, "--sensor 12,16"),
    "matlab": (matlab, "--sensor 18,24"),
    "es": (stream, ""),
    "large": (large, "--sensor 100,120"),
    "name with 'quotes' and $": (archive, ""),
}


def made(root: Path, write, classes: int = CLASSES, each: int = 2) -> Path:
    for k in range(classes * each):
        (root / f"class {k // each}").mkdir(parents=True, exist_ok=True)
        write(root / f"class {k // each}" / f"{k}", k)
    return root


def proposed(said: str) -> list[str]:
    [line] = [line for line in said.splitlines() if line.startswith("train on them with: ")]
    words = shlex.split(line.removeprefix("train on them with: "))
    assert words[:2] == ["minisnn", "train"]
    return words[1:]


def said_of(root: Path, flags: str, capsys) -> list[str]:
    """The command that `info` prints for recordings in which nothing looks wrong."""
    assert cli.main(["info", str(root), *flags.split()]) == 0
    said = capsys.readouterr().out
    assert "looks wrong" not in said, said
    return proposed(said)


def opens(command: list[str]) -> None:
    """All that the command does before it learns: its sets are opened, and give tasks of so many
    classes."""
    args = cli.parsed(command)
    config = chosen(
        args.preset,
        {
            one.name: getattr(args, one.name)
            for one in fields(TrainingConfig)
            if hasattr(args, one.name)
        },
    )
    assert not {name for name in config.idle() if name in args.given}
    sets = open_sets(config, progress=False)
    check_ways(config, sets)
    for tasks in sets.values():
        assert tasks.episode(0, 0, config.ways, 1, 1).x_query.any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.every(4)
def test_the_command_that_info_prints_opens_its_data(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    write, flags = KINDS[kind]
    opens(said_of(made(tmp_path / kind, write), flags, capsys))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_command_that_info_prints_works(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    write, flags = KINDS[kind]
    command = said_of(made(tmp_path / kind, write), flags, capsys)
    assert cli.main([*command, *QUICK.split(), "--quiet", "--out", "run"]) == 0, (
        capsys.readouterr().err
    )
    assert "test accuracy" in capsys.readouterr().out


def test_the_command_for_a_set_of_torchneuromorphic_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    with h5py.File("n_mnist.hdf5", "w") as file:
        for k in range(14):
            events = sweep(k, (34, 34))
            file[f"data/{k}/times"] = events["t"].astype(np.uint32)
            file[f"data/{k}/addrs"] = np.stack([events[name] for name in "pxy"], 1).astype(np.uint8)
            file[f"data/{k}/labels"] = np.array([k // 2])
        file["extra/train_keys"], file["extra/test_keys"] = np.arange(14), np.zeros(0, int)
    assert cli.main(["info", "n_mnist.hdf5"]) == 0
    opens(proposed(capsys.readouterr().out))
    (tmp_path / "around").mkdir()
    Path("n_mnist.hdf5").rename("around/n_mnist.hdf5")
    assert cli.main(["info", "around"]) == 2
    assert "around/n_mnist.hdf5 may hold a whole set: name the file" in capsys.readouterr().err


def test_the_command_for_letters_in_n_mnists_form_works(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    for k in range(14):
        (tmp_path / "my letters" / "Train" / "abcdefg"[k // 2]).mkdir(parents=True, exist_ok=True)
        bytes_34(tmp_path / "my letters" / "Train" / "abcdefg"[k // 2] / f"{k + 1:05}", k)
    assert cli.main(["info", str(tmp_path / "my letters")]) == 0
    said = capsys.readouterr().out
    assert "these are not digits" in said
    opens(proposed(said))


@pytest.mark.parametrize("classes, ends", [(5, "--ways 3"), (4, "--ways 2")])
def test_few_classes_are_told_and_what_they_are_enough_for(
    tmp_path, monkeypatch, capsys, classes, ends
):
    monkeypatch.chdir(tmp_path)
    root = made(tmp_path / "few", archive, classes)
    assert cli.main(["info", str(root)]) == 0
    said = capsys.readouterr().out
    assert "are too few to meta-train, validate and test: expected 6 or more" in said
    command = proposed(said)
    assert " ".join(command).endswith(f"--evaluate-every 0 --test-episodes 0 {ends}")
    opens(command)


def in_folders(root: Path, classes: int, **each: int) -> Path:
    """So many recordings of each class in each of the folders that are named."""
    for place, (split, number) in enumerate(each.items()):
        made(
            root / split,
            lambda path, k, first=100 * place: archive(path, first + k),
            classes,
            number,
        )
    return root


@pytest.mark.parametrize(
    "make",
    [
        lambda root: made(root, archive, 3, 6),
        lambda root: made(root, archive, 2, 6),
        lambda root: in_folders(root, 2, train=4, test=2),
        lambda root: in_folders(root, 3, train=2, val=2, test=2),
    ],
    ids=["three", "two", "train and test", "three folders"],
)
def test_two_or_three_classes_are_told_apart(tmp_path, monkeypatch, capsys, make):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    assert cli.main(["info", str(make(tmp_path / "few"))]) == 0
    said = capsys.readouterr().out
    assert (
        "an ordinary classifier can tell them apart, and is tested on recordings that it did not "
        "learn from" in said
    )
    command = proposed(said)
    small = (
        "--channels none --hidden 4 --updates 2 --test-episodes 3 --evaluate-every 0 --out run "
        "--quiet"
    )
    assert cli.main([*command, *small.split()]) == 0
    number = len(list(Path("few").rglob("class *"))) // max(
        len(list(Path("few").glob("t*")) + list(Path("few").glob("v*"))), 1
    )
    assert f"among {number} classes on unseen recordings" in capsys.readouterr().out


@pytest.mark.parametrize(
    "make, words",
    [
        (
            lambda root: made(root, archive, 3, 5),
            "class 0 has 5 recordings; expected 6 or more, two each to train",
        ),
        (
            lambda root: in_folders(root, 2, train=3, test=2),
            "class 0 has 3 recordings; expected 4 or more, in train",
        ),
        (lambda root: made(root, archive, 1, 6), "expected two classes or more"),
    ],
    ids=["few", "few to train", "one class"],
)
def test_what_two_or_three_classes_lack_is_told(tmp_path, capsys, make, words):
    assert cli.main(["info", str(make(tmp_path / "few"))]) == 0
    said = capsys.readouterr().out
    assert (
        f"to tell classes apart, with --rule classify: {words}" in said
        and "train on them with" not in said
    )


def test_what_looks_wrong_comes_before_any_command(tmp_path, capsys):
    root = made(tmp_path / "lone", archive, 7, 1)
    assert cli.main(["info", str(root)]) == 0
    said = capsys.readouterr().out
    assert (
        "class 0: has one recording; expected two" in said and "this command then says how" in said
    )
    assert "(parts that --hop-ms cuts of it stay on one side)" in said
    root = made(tmp_path / "bare", bare)
    assert cli.main(["info", str(root), "--sensor", "12,16"]) == 0
    said = capsys.readouterr().out
    assert (
        "say their order as --columns t,x,y,p" in said
        and "by their values it is t,x,y,p or t,y,x,p" in said
    )
    root = made(tmp_path / "twins", lambda path, k: archive(path, k // 2))
    assert cli.main(["info", str(root)]) == 0
    assert "has the same events as" in capsys.readouterr().out
    assert cli.main(["info", str(made(tmp_path / "wide", array)), "--sensor", "200,300"]) == 0
    assert "reach x 15 and y 11 only: is the sensor smaller (--sensor)?" in capsys.readouterr().out


def test_a_few_classes_in_one_file_are_told_apart(tmp_path, capsys):
    """Whose recordings all have one path."""
    rng = np.random.default_rng(0)
    times = [np.sort(rng.random(60)) * 0.8 for _ in range(18)]
    units = [rng.integers(0, 700, 60) for _ in times]
    path = write_spoken(tmp_path / "few.h5", times, units, np.arange(18) % 3)
    assert cli.main(["info", str(path)]) == 0
    assert " ".join(proposed(capsys.readouterr().out)).endswith("--rule classify --queries 3")


def test_splits_that_do_not_choose_the_classes_are_told(tmp_path, capsys):
    root = in_folders(tmp_path / "same", 6, train=2, test=2)
    assert cli.main(["info", str(root)]) == 0
    found = capsys.readouterr()
    assert "train and test have the same labels, so these splits are not used" in found.err
    assert proposed(found.out)
    made(root / "train", lambda path, k: archive(path, 500 + k), 7)
    assert cli.main(["info", str(root)]) == 0
    said = capsys.readouterr().out
    assert "looks wrong: the splits: class 0, class 1, class 2, class 3, class 4 and 1 more" in said
    assert "are in more than one of train, test, but class 6 not in all" in said
    assert "fix first: the splits; " in said and "train on them with" not in said


@pytest.mark.parametrize("classes", [7, 3])
def test_a_class_of_one_subject_is_told_and_a_classifier_can_do_with_it(tmp_path, capsys, classes):
    root = made(tmp_path / "who", archive, classes, 6)
    rows = [
        f"{path.relative_to(root)},{path.parent.name},{'ab'[k % 2 * ('0' not in path.parent.name)]}"
        for k, path in enumerate(sorted(root.rglob("*.npz")))
    ]
    (root / "index.csv").write_text("\n".join(["path,label,subject", *rows]))
    assert cli.main(["info", str(root)]) == 0
    said = capsys.readouterr().out
    assert "class 0: all its recordings are of one subject, or parts of one; expected two" in said
    assert ("fix first: class 0; " in said) == (classes == 7)
    assert ("--rule classify" in said) == (classes == 3)


def test_no_command_is_proposed_that_would_fail(tmp_path, capsys):
    def from_one(path: Path, k: int) -> None:
        events = in_unit(sweep(k), "us")
        events["x"] += 1
        np.save(path.with_suffix(".npy"), events)

    assert cli.main(["info", str(made(tmp_path / "one", from_one)), "--sensor", "12,16"]) == 0
    said = capsys.readouterr().out
    assert "x reaches from 1 to 16 on a sensor of 16" in said and "train on them with" not in said
    root = made(tmp_path / "damaged", archive)
    (root / "class 3" / "6.npz").write_bytes(b"damaged")
    assert cli.main(["info", str(root)]) == 0
    said = capsys.readouterr().out
    assert "6.npz: not readable as a NumPy file" in said and "train on them with" not in said
    (tmp_path / "loose").mkdir()
    archive(tmp_path / "loose" / "a", 0)
    assert cli.main(["info", str(tmp_path / "loose"), "--sample", "3"]) == 2
    assert (
        "a.npz lies in the folder itself, put it into a folder named for its class"
        in capsys.readouterr().err
    )


def test_single_files_take_what_they_do_not_say(tmp_path, capsys):
    for write, flags in (
        (bare, "--columns t,x,y,p"),
        (milliseconds, "--time ms"),
        (bytes_of_another, "--sensor 12,16"),
    ):
        write(tmp_path / write.__name__, 0)
        [path] = tmp_path.glob(f"{write.__name__}*")
        assert cli.main(["info", str(path)]) == 2
        assert flags.split()[0] in capsys.readouterr().err
        assert cli.main(["info", str(path), *flags.split()]) == 0
        assert "768 events" in capsys.readouterr().out
    assert cli.main(["info", str(tmp_path / "bare.npy"), "--sheet", "a.png"]) == 2


def test_class_names_with_formulas_are_drawn(tmp_path, capsys):
    for k, label in enumerate((r"$\frac{a}$", "a$b$c", r"\$", "_x^2", "$")):
        for n in range(2):
            (tmp_path / "odd" / label).mkdir(parents=True, exist_ok=True)
            archive(tmp_path / "odd" / label / rf"$\bad{n}$", 2 * k + n)
    assert cli.main(["info", str(tmp_path / "odd"), "--sheet", str(tmp_path / "sheet.png")]) == 0
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_network_of_three_ways_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    root = made(tmp_path / "set", archive, 15)
    words = (
        f"train --dataset recordings --root {root} {QUICK} --ways 3 --test-episodes 0 --quiet "
        "--out run"
    )
    assert cli.main(words.split()) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert cli.main(["show", "--checkpoint", "run", "--no-animation", "--out", "shown"]) == 0, (
        capsys.readouterr().err
    )
    said = capsys.readouterr().out
    assert "samples of 100 time steps" in said and " ms" not in said
    assert cli.main(["show", "--checkpoint", "run", "--ways", "5", "--no-animation"]) == 2
    assert "classes; leave it out" in capsys.readouterr().err
    assert cli.main(["info", "run"]) == 0
    assert "window 30 steps" in capsys.readouterr().out
