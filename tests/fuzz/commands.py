"""Wrong command lines: python tests/fuzz/commands.py [--number 300]

Every one must end with exit code 2, one sentence that names what is wrong, and nothing written.

Lines of damaged arguments are refused by the parser; lines whose arguments are well-formed but name
what does not fit, or files that are damaged, reach the commands. Each is wrong in one thing at
least: a valid line could train for hours.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

NUMBERS = """
train --lr
train --updates
evaluate --episodes
show --seed
table 2 --episodes
figure 3 --seed
explore shots --episodes
check --seed
hardware --queries
fetch nmnist --colour
lessons --colour
""".strip().splitlines()
SECONDS = 5  # of CPU time
NO_NUMBER = (
    "",
    "x",
    "1.5.2",
    "--",
    "nan,",
    "٣x",
    "1e",
    "0x",
    "\x00",
    "１２ａ",
    "-" * 300,
    "9" * 5000,
)
BAD_FILES = (
    "empty text noise cut.h5 pickle folder absent absent/deeper foreign.h5 huge.json pipe loop"
)
BAD_FILES = (*BAD_FILES.split(), "/dev/null", "n" * 300, "naïve\udcff")
PLACES = dict(  # of words in braces
    some="absent/a.json folder",
    damaged="a.npz a.npy pictures",
    run="run-text run-deep run-list run-old run-wrong run-large run-cut",
    study="table+2 figure+3 relearn explore+shots report",
    small="-1 -99999999999999999999 nan inf -inf",
    start="fetch+nmnist evaluate+--checkpoint+good.h5 record+--out+made info+good.h5 train show check",
)
LINES = """
{start} --d3a1
{start} a b c
sing
trian
--lr
evaluate
record
info
table 1
figure 9
explore x
train --lr={small} --out new
train --updates={small} --out new
train --ways={small} --out new
train --slope={small} --out new
train --clip={small} --out new
train --inner-steps={small} --out new
train --window={small} --out new
train --kernel=2 --out new
train --channels=4,-1 --out new
train --channels=99999999999999999999 --out new
train --alpha=1 --out new
train --alpha=nan --out new
train --hidden=0 --out new
train --out new --rule reptile
train --out new --rule anil --freeze readout
train --out new --resume folder
train --out new --resume run-cut --lr 3
train --out new --freeze conv9
train --out new --dataset other
train --out new --order 1 --first-order-updates 3
train --out new --start {bad} --root root
train --out new --ways 21 --root root
evaluate --checkpoint {bad}
info {bad}
check --checkpoint {bad}
record {bad} --out made
train --resume {bad}
train --root {bad} --out new
show --root {bad} --out new
evaluate --checkpoint good.h5 --root {bad}
train --dataset double-asl --root {bad}
{study} --root {bad} --out new
record {damaged} --out made
info {damaged}
info 00001.bin
train --resume {run}
info {run}
evaluate --checkpoint run-cut
train --root root --out new
record --size 0,0 {damaged} --out made
record --size 1,2,3 {damaged} --out made
evaluate --checkpoint good.h5 --json {some}
check --plot {some}
show --out text
record --out text
record --out root
lessons --out text
train --out text
train --out run-cut
{study} --out text
lessons --only 77
hardware --bits 9
hardware --fraction x
fetch nmnist --out text
evaluate --checkpoint good.h5 --ways 2 --root root
""".strip().splitlines()


def make_files(folder: Path) -> None:
    """Files and folders that no command can use, under names in BAD_FILES, and a run folder and
    recordings, damaged."""
    import h5py

    import minisnn as ms

    (folder / "empty").write_bytes(b"")
    (folder / "text").write_text("This is no checkpoint.\n" * 50)
    (folder / "noise").write_bytes(np.random.default_rng(0).bytes(3000))
    net = ms.SpikingNet((16, 32, 2), (2,), 5, 3, backend="numpy")
    ms.save(folder / "good.h5", net, net.init(np.random.default_rng(0)))
    (folder / "cut.h5").write_bytes((folder / "good.h5").read_bytes()[:-100])
    (folder / "pickle").write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.")
    (folder / "folder").mkdir()
    with h5py.File(folder / "foreign.h5", "w") as file:
        file["data"] = np.arange(3)
    (folder / "huge.json").write_text("[" * 100_000)
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    runs = "no JSON", "[" * 100_000, "[]", '{"colour": 3}', '{"lr": "fast"}'
    runs += ('{"channels": [99999999999999999999]}',)
    for name, text in zip(PLACES["run"].split(), runs):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(text)
    (folder / "run-cut").mkdir()
    (folder / "run-cut" / "config.json").write_text("{}")
    (folder / "run-cut" / "checkpoint.h5").write_bytes((folder / "cut.h5").read_bytes())
    for name, content in (("Train/3/00003.bin", b"abc"), ("Train/3/name.bin", b"abc")):
        (folder / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "root" / name).write_bytes(content)
    (folder / "pictures" / "a").mkdir(parents=True)
    (folder / "pictures" / "a" / "p.png").write_bytes(b"no picture")
    for name in ("a.npz", "a.npy", "00001.bin"):
        (folder / name).write_bytes(np.random.default_rng(1).bytes(501))


def wrong_line(rng: np.random.Generator) -> list[str]:
    """A command line that is wrong: one of `LINES`, or an option with what it cannot take."""
    chosen = {name: rng.choice(words.split()) for name, words in PLACES.items()}
    bad = BAD_FILES[rng.integers(len(BAD_FILES))]
    if rng.random() < 0.25:
        return [*rng.choice(NUMBERS).split(), NO_NUMBER[rng.integers(len(NO_NUMBER))]]
    words = rng.choice(LINES).format(**chosen, bad="{bad}").replace("+", " ").split()
    return [word.replace("{bad}", bad) for word in words]


def listing(folder: Path) -> dict[str, tuple]:
    """Everything in a folder, with size and time of change."""
    found = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {str(path): (s.st_size, path.is_dir() or s.st_mtime_ns) for path, s in found.items()}


def ended(line: list[str]) -> str:
    """What is wrong with how a command line ends; "" where nothing is."""
    from minisnn import cli

    before = listing(Path())
    err = io.StringIO()
    shown = warnings.showwarning
    began = time.process_time()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
            code: object = cli.main(line)
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    finally:
        warnings.showwarning = shown
    *_, last = err.getvalue().splitlines() or [""]
    own = [one for one in err.getvalue().splitlines() if one.startswith("minisnn: ")]
    own = [one for one in own if not one.startswith("minisnn: note: ")]
    usage = err.getvalue().startswith("usage: ") and ": error: " in err.getvalue()
    if code != 2 or "defect of minisnn" in err.getvalue() or not (usage or own == [last]):
        return f"exit code {code}: {err.getvalue()[-300:]}"
    if time.process_time() - began > SECONDS:
        return f"{time.process_time() - began:.1f} s of CPU time"
    changed = set(before.items()) ^ set(listing(Path()).items())
    return f"files changed: {sorted({name for name, _ in changed})}" if changed else ""


def fuzz_commands(number: int, folder: Path, first: int = 0) -> list[tuple[list[str], str]]:
    """The lines of `number` wrong ones that do not end as they should, with what is wrong; they run
    in this process, in a folder that is made."""
    from minisnn.parallel import missing

    missing.announce = lambda: None
    (folder / "commands").mkdir()
    with contextlib.chdir(folder / "commands"):
        make_files(Path())
        lines = [wrong_line(np.random.default_rng([n, 7])) for n in range(first, first + number)]
        return [(line, what) for line in lines if (what := ended(line))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=300, help="of wrong command lines")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = fuzz_commands(args.number, Path(folder))
    for line, what in wrong[:20]:
        print(f"minisnn {' '.join(line)}: {what}")
    print(f"{len(wrong)} of {args.number} command lines did not end as they should")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
