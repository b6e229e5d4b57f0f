"""What `minisnn info` says of a dozen kinds of recordings, which train then opens with the same
flags, and of what is wrong with them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from minisnn import cli
from minisnn.data.readers.nmnist import write_nmnist
from minisnn.training.evaluation import check_ways, open_sets
from minisnn.training.presets import chosen
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


def said_of(root: Path, flags: str, capsys) -> str:
    """What `info` prints for recordings in which nothing looks wrong."""
    assert cli.main(["info", str(root), *flags.split()]) == 0
    said = capsys.readouterr().out
    assert "looks wrong" not in said and "guides/recordings.md" in said, said
    return said


def on(root: Path, flags: str = "") -> list[str]:
    return ["train", "--dataset", "recordings", "--root", str(root), *flags.split()]


def opens(command: list[str]) -> None:
    """All that the command does before it learns: its sets are opened, and give tasks of so many
    classes."""
    given = vars(cli.parser("train").parse_args(command))
    del given["run"]
    config = chosen(None, {**given, "root": str(given["root"])})
    assert not config.idle().keys() & given.keys()
    sets = open_sets(config, progress=False)
    check_ways(config, sets)
    for tasks in sets.values():
        assert tasks.episode(0, 0, config.ways, 1, 1).x_query.any()


@pytest.mark.parametrize("kind", KINDS)
def test_what_info_describes_train_opens_with_the_same_flags(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    write, flags = KINDS[kind]
    root = made(tmp_path / kind, write)
    said = said_of(root, flags, capsys)
    assert "classes by split: train 3, val 2, test 2; tasks have 2 ways at most" in said
    unknown = kind == "array of no sensor"
    assert ("(12, 16): give --sensor" in said) == unknown
    opens(on(root, f"{flags}{' --sensor 12,16' * unknown} --ways 2 --channels none"))


@pytest.mark.slow
def test_a_network_is_trained_on_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    root = made(tmp_path / "set", archive)
    assert cli.main([*on(root, QUICK), "--ways", "2", "--quiet", "--out", "run"]) == 0
    assert "test accuracy" in capsys.readouterr().out


def test_a_set_of_torchneuromorphic_is_described_and_opened(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    with h5py.File("n_mnist.hdf5", "w") as file:
        for k in range(14):
            events = sweep(k, (34, 34))
            file[f"data/{k}/times"] = events["t"].astype(np.uint32)
            file[f"data/{k}/addrs"] = np.stack([events[name] for name in "pxy"], 1).astype(np.uint8)
            file[f"data/{k}/labels"] = np.array([k // 2])
        file["extra/train_keys"], file["extra/test_keys"] = np.arange(14), np.zeros(0, int)
    said_of(Path("n_mnist.hdf5"), "", capsys)
    opens(on(Path("n_mnist.hdf5"), "--ways 2"))
    (tmp_path / "around").mkdir()
    Path("n_mnist.hdf5").rename("around/n_mnist.hdf5")
    assert cli.main(["info", "around"]) == 2
    assert "around/n_mnist.hdf5 may hold a whole set: name the file" in capsys.readouterr().err


def test_letters_in_n_mnists_form_are_opened(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    for k in range(14):
        (tmp_path / "my letters" / "Train" / "abcdefg"[k // 2]).mkdir(parents=True, exist_ok=True)
        bytes_34(tmp_path / "my letters" / "Train" / "abcdefg"[k // 2] / f"{k + 1:05}", k)
    said_of(tmp_path / "my letters", "", capsys)
    opens(on(tmp_path / "my letters", "--ways 2"))


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


def said_wrong(capsys, *words: str) -> str:
    """What `info` prints of recordings that are not as they should be."""
    assert cli.main(["info", *words]) == 0
    return capsys.readouterr().out


def test_few_classes_are_told_and_what_they_are_enough_for(tmp_path, capsys):
    said = said_of(made(tmp_path / "few", archive, 3, 6), "", capsys)
    assert "no tasks yet" in said and "--rule classify" in said and "by split" not in said


def test_what_looks_wrong_is_told(tmp_path, capsys):
    root = made(tmp_path / "lone", archive, 7, 1)
    assert "class 0: has one recording" in said_wrong(capsys, str(root))
    root = made(tmp_path / "bare", bare)
    assert "--columns t,x,y,p" in said_wrong(capsys, str(root), "--sensor", "12,16")
    root = made(tmp_path / "twins", lambda path, k: archive(path, k // 2))
    assert "has the same events as" in said_wrong(capsys, str(root))


def test_splits_that_do_not_choose_the_classes_are_told(tmp_path, capsys):
    root = in_folders(tmp_path / "same", 6, train=2, test=2)
    assert cli.main(["info", str(root)]) == 0
    found = capsys.readouterr()
    assert "these splits are not used" in found.err and "classes by split" in found.out
    made(root / "train", lambda path, k: archive(path, 500 + k), 7)
    said = said_wrong(capsys, str(root))
    assert "class 6 not in all" in said and "classes by split" not in said


def test_a_class_of_one_subject_is_told(tmp_path, capsys):
    root = made(tmp_path / "who", archive, 7, 6)
    rows = [
        f"{path.relative_to(root)},{path.parent.name},{'ab'[k % 2 * ('0' not in path.parent.name)]}"
        for k, path in enumerate(sorted(root.rglob("*.npz")))
    ]
    (root / "index.csv").write_text("\n".join(["path,label,subject", *rows]))
    said = said_wrong(capsys, str(root))
    assert "class 0: has one recording, or those of one subject" in said and "class 1:" not in said


def test_what_cannot_be_read_is_told(tmp_path, capsys):
    def from_one(path: Path, k: int) -> None:
        events = in_unit(sweep(k), "us")
        events["x"] += 1
        np.save(path.with_suffix(".npy"), events)

    said = said_wrong(capsys, str(made(tmp_path / "one", from_one)), "--sensor", "12,16")
    assert "x reaches from 1 to 16; expected 0 to 15" in said
    root = made(tmp_path / "damaged", archive)
    (root / "class 3" / "6.npz").write_bytes(b"damaged")
    assert "6.npz: it is no NumPy file" in said_wrong(capsys, str(root))
    (tmp_path / "loose").mkdir()
    archive(tmp_path / "loose" / "a", 0)
    assert cli.main(["info", str(tmp_path / "loose"), "--sample", "3"]) == 2
    assert "a.npz is there, put it into a folder" in capsys.readouterr().err


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
