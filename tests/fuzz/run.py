"""Fuzz the readers and the command line: python tests/fuzz [--inputs 10000] [--readers nmnist,idx]
[--commands 300]

Damaged files are read in child processes, many a child; what ends a child is found, and the next
goes on behind it. An input passes if it is read, or refused in one sentence that names the file,
within 5 s of CPU time and 500 MB, and nothing is left behind. Exits with 1 where one does not pass.
Input n of a reader is the same every time.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(
        [str(HERE), str(HERE.parent), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
    ),
}
NAMES = (
    "nmnist",
    "matlab_5",
    "matlab_73",
    "torchneuromorphic",
    "spoken",
    "strokes",
    "idx",
    "pictures",
    "numpy",
    "checkpoint",
    "settings",
)
NAMES += ("nir", "run", "table", "text", "events", "index")
CAMERAS = ("raw", "dat", "aedat4", "es")
NAMES += CAMERAS if importlib.util.find_spec("faery") else ()  # the extra cameras
A_CHILD = 2500


def fuzz(name: str, inputs: int, folder: Path, first: int = 0) -> dict:
    """What became of `inputs` damaged files of a reader, or of each of several ("idx,numpy"):
    counts, the failures, the most memory and time."""
    found = {"read": 0, "refused": 0, "wrong": [], "megabytes": 0.0, "slowest": 0.0}
    start, end = first, first + inputs
    while start < end:
        stop, at = min(start + A_CHILD, end), start - 1
        command = [sys.executable, str(HERE / "child.py"), name, str(start), str(stop), str(folder)]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
        for line in map(json.loads, filter(None, done.stdout.splitlines())):
            if "at" in line:
                at = line["at"]
            elif "wrong" in line:
                found["wrong"].append((line["wrong"], line["what"], line["text"]))
            else:
                for kind in ("read", "refused"):
                    found[kind] += line["counts"][kind]
                for kind in ("megabytes", "slowest"):
                    found[kind] = max(found[kind], line[kind])
        if done.returncode:
            if at < start:
                raise RuntimeError(f"{name}: the child does not start: {done.stderr[-2000:]}")
            found["wrong"].append((at, f"process ended with {done.returncode}", done.stderr[-500:]))
            stop = at + 1
        start = stop
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        "fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--inputs", type=int, default=10_000, help="of each reader (default: 10000)"
    )
    parser.add_argument("--readers", default=",".join(NAMES), help="default: all")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first input (default: 0)"
    )
    parser.add_argument(
        "--commands", type=int, default=300, help="wrong command lines (default: 300)"
    )
    args = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(None, args.readers.split(",")):
            found = fuzz(name, args.inputs, Path(folder), args.first)
            failures += len(found["wrong"])
            print(
                f"{name:<18}{found['read']:>7} read {found['refused']:>7} refused "
                f"{len(found['wrong']):>4} wrong; at most "
                f"{found['megabytes']:.0f} MB and {found['slowest']:.2f} s",
                flush=True,
            )
            for number, what, text in found["wrong"][:20]:
                print(f"    input {number}: {what}: {text}", flush=True)
        if args.commands:
            from commands import fuzz_commands

            wrong = fuzz_commands(args.commands, Path(folder))
            failures += len(wrong)
            print(
                f"{'command lines':<18}{args.commands:>7} tried {len(wrong):>4} wrong", flush=True
            )
            for line, what in wrong[:20]:
                print(f"    minisnn {' '.join(line)}: {what}", flush=True)
    return 1 if failures else 0
