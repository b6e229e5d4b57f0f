"""Wrong command lines: every one must end with exit code 2, one sentence that names what is wrong,
and nothing written.

Lines of damaged arguments are refused by the parser; lines whose arguments are well-formed but name
what does not fit, or files that are damaged, reach the commands. Each is wrong in one thing at
least: a valid line could train for hours.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
COMMANDS = (
    "train",
    "evaluate",
    "show",
    "fetch",
    "record",
    "info",
    "check",
    "table",
    "figure",
    "relearn",
    "explore",
    "report",
    "lessons",
    "hardware",
)
SECONDS, MEGABYTES = 5, 500
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
TOO_SMALL = ("-1", "-99999999999999999999", "nan", "inf", "-inf")
BAD_FILES = (
    "empty",
    "text",
    "noise",
    "cut.h5",
    "pickle",
    "folder",
    "absent",
    "absent/deeper",
    "foreign.h5",
    "huge.json",
    "pipe",
    "loop",
    "/dev/null",
    "n" * 300,
    "naïve\udcff",
)
STUDIES = ("table 2", "figure 3", "relearn", "explore shots", "report")


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
    for name, text in (
        ("run-text", "no JSON"),
        ("run-deep", "[" * 100_000),
        ("run-list", "[]"),
        ("run-old", '{"colour": 3}'),
        ("run-wrong", '{"lr": "fast"}'),
        ("run-large", '{"channels": [99999999999999999999]}'),
    ):
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
    for name in ("a.npz", "a.npy", "a-images-idx3-ubyte", "a-images-idx3-ubyte.gz", "00001.bin"):
        (folder / name).write_bytes(np.random.default_rng(1).bytes(501))


def options_of(command: str) -> list[tuple[str, object]]:
    """(flag, its action) of a command's own parser."""
    from minisnn import cli

    top = cli.parser()
    sub = next(
        action
        for action in top._actions
        if hasattr(action, "choices") and isinstance(action.choices, dict)
    )
    return [
        (action.option_strings[0], action)
        for action in sub.choices[command]._actions
        if action.option_strings and action.option_strings[0] != "-h"
    ]


def wrong_line(rng: np.random.Generator) -> list[str]:
    """A command line that is wrong."""

    def one(values):
        return values[int(rng.integers(len(values)))]

    kind, bad = int(rng.integers(8)), one(BAD_FILES)
    command = one(COMMANDS)
    start = {
        "table": ["table", "2"],
        "figure": ["figure", "3"],
        "explore": ["explore", "shots"],
        "fetch": ["fetch", "nmnist"],
        "evaluate": ["evaluate", "--checkpoint", "good.h5"],
        "record": ["record", "--out", "made"],
        "info": ["info", "good.h5"],
    }.get(command, [command])
    if kind == 0:  # an option that takes a number, with something else
        numbers = [flag for flag, action in options_of(command) if action.metavar in ("N", "X")]
        return [*start, f"{one(numbers)}={one(NO_NUMBER)}"] if numbers else [*start, "--no-such"]
    if kind == 1:  # one that has choices, or none at all
        choices = [flag for flag, action in options_of(command) if action.choices]
        return (
            [*start, f"{one(choices)}={one(NO_NUMBER)}"]
            if choices
            else [*start, f"--{rng.bytes(3).hex()}"]
        )
    if kind == 2:  # an unknown option or command, a missing or an odd argument
        return one(
            [
                [*start, "--" + rng.bytes(2).hex()],
                [one(["", "sing", "trian", "\x00", "--lr"])],
                [*start, "a", "b", "c"],
                ["evaluate"],
                ["record"],
                ["info"],
                ["table", one(["1", "x", ""])],
                ["figure", "9"],
                ["explore", "x"],
            ]
        )
    if kind == 3:  # a number out of range
        setting = one(
            [
                "lr",
                "updates",
                "ways",
                "kernel",
                "channels",
                "alpha",
                "slope",
                "clip",
                "inner-steps",
                "hidden",
                "window",
            ]
        )
        value = {
            "kernel": one(["2", "0", "-3"]),
            "channels": one(["0", "4,-1", "8," * 120 + "8", "99999999999999999999"]),
            "alpha": one(["1", "-0.1", "nan"]),
            "hidden": one(["0", "99999999999,99999999999"]),
        }.get(setting, one(TOO_SMALL))
        return ["train", f"--{setting}={value}", "--out", "new"]
    if kind == 4:  # settings that contradict each other
        return [
            "train",
            "--out",
            "new",
            *one(
                [
                    ["--rule", "reptile"],
                    ["--rule", "anil", "--freeze", "readout"],
                    ["--gate-threshold", "1", "--gate-fraction", "0.1"],
                    ["--resume", "folder"],
                    ["--resume", "run-cut", "--lr", "3"],
                    ["--freeze", "conv9"],
                    ["--dataset", "other"],
                    ["--order", "1", "--first-order-updates", "3"],
                    ["--start", bad, "--root", "root"],
                    ["--ways", "21", "--root", "root"],
                ]
            ),
        ]
    if kind == 5:  # a file where another is expected
        return one(
            [
                ["evaluate", "--checkpoint", bad],
                ["info", bad],
                ["check", "--checkpoint", bad],
                ["record", bad, "--out", "made"],
                ["train", "--resume", bad],
                ["train", "--root", bad, "--out", "new"],
                ["show", "--root", bad, "--out", "new"],
                ["evaluate", "--checkpoint", "good.h5", "--root", bad],
                ["train", "--dataset", "double-asl", "--root", bad],
                ["record", "a.npy", "--labels", bad, "--out", "made"],
                [*one(STUDIES).split(), "--root", bad, "--out", "new"],
            ]
        )
    if kind == 6:  # damaged files of the right name
        name = one(["a.npz", "a.npy", "a-images-idx3-ubyte", "a-images-idx3-ubyte.gz", "pictures"])
        return one(
            [
                ["record", name, "--out", "made"],
                ["info", name],
                ["info", "00001.bin"],
                [
                    "train",
                    "--resume",
                    one(
                        [
                            "run-text",
                            "run-deep",
                            "run-list",
                            "run-old",
                            "run-wrong",
                            "run-large",
                            "run-cut",
                        ]
                    ),
                ],
                ["info", one(["run-text", "run-deep", "run-list", "run-cut"])],
                ["evaluate", "--checkpoint", "run-cut"],
                ["train", "--root", "root", "--out", "new"],
                ["record", "--size", one(["0,0", "3", "1,2,3"]), name, "--out", "made"],
            ]
        )
    return one(
        [
            # nowhere to write to
            [
                "evaluate",
                "--checkpoint",
                "good.h5",
                "--json",
                one(["absent/a.json", "folder"]),
            ],
            ["check", "--plot", one(["absent/a.png", "folder"])],
            ["show", "--out", "text"],
            ["record", "--out", "text"],
            ["record", "--out", "root"],
            ["lessons", "--out", "text"],
            ["train", "--out", "text"],
            ["train", "--out", "run-cut"],
            [*one(STUDIES).split(), "--out", "text"],
            ["lessons", "--only", "77"],
            ["hardware", "--bits", "9"],
            ["hardware", "--picojoule", "x"],
            ["fetch", "nmnist", "--out", "text"],
            ["evaluate", "--checkpoint", "good.h5", "--freeze", "conv7", "--root", "root"],
        ]
    )


def listing(folder: Path) -> dict[str, tuple]:
    """Everything that lies in a folder, with size and time of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(folder))] = (
            status.st_size,
            status.st_mtime_ns if not path.is_dir() else 0,
        )
    return found


def judge(code: object, out: str, err: str, spent: float, before: dict, after: dict) -> str:
    """What is wrong with how a command line ended; "" where nothing is."""
    lines = err.splitlines()
    if "Traceback" in err or "defect of minisnn" in err:
        return f"traceback: {err[-300:]}"
    if code != 2:
        return f"exit code {code}: {err[-300:]}"
    told = [
        line
        for line in lines
        if line.startswith("minisnn: ") and not line.startswith("minisnn: note: ")
    ]
    usage = bool(lines) and lines[0].startswith("usage: ") and ": error: " in err
    if not usage and (len(told) != 1 or lines[-1] != told[0]):
        return f"no single sentence: {err[-300:]}"
    if spent > SECONDS:
        return f"{spent:.1f} s of CPU time"
    if before != after:
        changed = set(before.items()) ^ set(after.items())
        return f"files changed: {sorted({name for name, _ in changed})}"
    return ""


def carry_out(first: int, stop: int) -> None:
    """Command lines in this process; a line of JSON for each."""
    import contextlib
    import io
    from child import peak
    import time
    import warnings

    from minisnn import cli
    from minisnn.parallel import missing

    missing.announce = lambda: None
    # a line that was thought to be wrong, and trains
    for alarm in (
        signal.SIGALRM,
        signal.SIGPROF,
    ):
        signal.signal(alarm, lambda *_: os._exit(99))
    shown, results = warnings.showwarning, sys.stdout
    for number in range(first, stop):
        line = wrong_line(np.random.default_rng([number, 7]))
        print(json.dumps({"at": number}), file=results, flush=True)
        before, out, err = listing(Path()), io.StringIO(), io.StringIO()
        began = time.process_time()
        signal.alarm(200)
        signal.setitimer(signal.ITIMER_PROF, 4 * SECONDS)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code: object = cli.main(line)
        except SystemExit as error:
            code = error.code
        except BaseException as error:
            code = f"Traceback: {type(error).__name__}: {error}"
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        warnings.showwarning = shown
        what = judge(
            code,
            out.getvalue(),
            err.getvalue(),
            time.process_time() - began,
            before,
            listing(Path()),
        )
        if what:
            print(
                json.dumps({"wrong": number, "line": line, "what": what}), file=results, flush=True
            )
    memory = peak() / 1e6
    if memory > MEGABYTES:
        print(
            json.dumps({"wrong": -1, "line": [], "what": f"{memory:.0f} MB of memory"}),
            file=results,
            flush=True,
        )


def fuzz_commands(number: int, folder: Path, first: int = 0) -> list[tuple[list[str], str]]:
    """The lines of `number` wrong ones that do not end as they should, with what is wrong."""
    place = folder / "commands"
    place.mkdir()
    make_files(place)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(
            [str(HERE), str(HERE.parent), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        ),
        "MINISNN_CACHE": str(folder / "cache"),
        "COLUMNS": "120",
    }
    environment.pop("MINISNN_DEBUG", None)
    wrong, start, stop = [], first, first + number
    while start < stop:
        at = start - 1
        done = subprocess.run(
            [sys.executable, __file__, str(start), str(stop)],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
        )
        for line in done.stdout.splitlines():
            found = json.loads(line)
            at = found.get("at", at)
            if "wrong" in found:
                wrong.append((found["line"], found["what"]))
        if done.returncode:
            if at < start:
                raise RuntimeError(f"the child does not start: {done.stderr[-2000:]}")
            wrong.append(
                (
                    wrong_line(np.random.default_rng([at, 7])),
                    f"process ended with {done.returncode} {done.stderr[-300:]}",
                )
            )
        start = at + 1 if done.returncode else stop
    return wrong


if __name__ == "__main__":
    carry_out(int(sys.argv[1]), int(sys.argv[2]))
