"""The kernels on aarch64, in an emulator, beside those of this processor.

    python tests/emulated [--folder DIR] [--json OUT] [--only PART …]

It needs Linux on x86-64 with Debian's apt-get and dpkg-deb, and a network for the first time;
nothing is installed, all lies in the folder. Kernels are compiled here for there (`crossed`) where
this machine has Python of the version that is emulated; the emulator would take 25 times as long.
Stopped, the same command goes on with the parts that are missing. The emulator tells nothing about speed.

    gradients   meta-gradients in float64 on each processor, with one and two threads, and how far
                they are from the golden values and from each other
    training    a run of fifty updates in float32 on each processor, and 200 test episodes
    tests       the files of `TESTS` there
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import machine
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests" / "benchmarks"))
import findings  # noqa: E402

PARTS = ("gradients", "training", "tests")
TESTS = (
    "tests/network/test_golden.py",
    "tests/network/test_cuba.py",
    "tests/network/test_list_of_layers.py",
    "tests/kernels",
    "tests/core",
    "tests/fast",
    "tests/gradcheck",
    "tests/parallel/test_threads.py",
)
CLOSE = 1e-12  # of gradients in float64
POINTS = 0.02  # of accuracy


class Machine:
    """The emulated one, in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.found = folder / f"found-{state()}" / "aarch64"
        machine.make(folder)
        self.facts = self.run("facts")

    def surroundings(self) -> dict[str, str]:
        kept = {"NUMBA_CACHE_DIR": self.folder / "kernels", "MINISNN_CACHE": self.folder / "cache"}
        kept |= {"PYTHONPATH": ROOT, "PYTHONPYCACHEPREFIX": self.folder / "bytecode"}
        return {**os.environ, "MPLBACKEND": "Agg", **{name: str(a) for name, a in kept.items()}}

    def run(self, part: str) -> dict:
        """What a part of `inside` finds there."""
        return _inside(self.folder / "python", self.found / part, part, self.surroundings())

    def compile_here(self) -> str:
        """Compile its kernels on this machine; what that took, in words."""
        python = Path("/usr/bin") / f"python{'.'.join(self.facts['python'].split('.')[:2])}"
        told = subprocess.run([python, "-V"], capture_output=True, encoding="utf-8")
        if told.returncode or told.stdout.split()[-1] != self.facts["python"]:
            return "compiled in the emulator"
        paths = [ROOT, self.folder / "here", ROOT / "tests"]
        around = self.surroundings() | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        words = [
            python,
            "-s",
            HERE / "crossed.py",
            self.found / "facts.json",
            "float64",
            "float32",
        ]
        done = subprocess.run([*map(str, words)], env=around, capture_output=True, encoding="utf-8")
        if done.returncode:
            raise ValueError(f"the kernels could not be compiled: {done.stderr[-500:]}")
        return f"compiled here: {done.stdout.splitlines()[-1]}"

    def tests(self) -> list[dict]:
        """(file, passed, skipped, failed, why) of the files of tests."""
        found = []
        for name in TESTS:
            report = self.found / f"{Path(name).stem}.xml"
            if not report.exists():
                how = ["-n", "0", "-q", "-p", "no:cacheprovider", f"--junitxml={report}.part"]
                words = [self.folder / "python", "-m", "pytest", *how, name]
                subprocess.run([*map(str, words)], cwd=ROOT, env=self.surroundings())
                os.replace(f"{report}.part", report)
            found.append(_read_report(name, report))
        return found


def _inside(python: Path, out: Path, part: str, around: dict) -> dict:
    path = out.with_suffix(".json")
    if not path.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        words = map(str, [python, HERE / "inside.py", part, out])
        done = subprocess.run([*words], env=around, capture_output=True, encoding="utf-8")
        if done.returncode:
            raise ValueError(f"{part} failed on {python}: {done.stderr[-500:]}")
    return json.loads(path.read_text(encoding="utf-8"))


def state() -> str:
    """A hash of the code that is measured."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "minisnn").rglob("*.py"), *HERE.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _read_report(name: str, report: Path) -> dict:
    suite = next(ElementTree.parse(report).iter("testsuite"))
    count = {key: int(suite.get(key, 0)) for key in ("tests", "skipped", "failures", "errors")}
    why = sorted({one.get("message", "") for one in suite.iter("skipped")})
    failed = count["failures"] + count["errors"]
    passed = count["tests"] - count["skipped"] - failed
    return dict(name=name, passed=passed, skipped=count["skipped"], failed=failed, why=why)


def apart(one: Path, two: Path) -> dict[str, float]:
    """The largest difference of two files of gradients for each network, relative to the largest
    number of its parameter array."""
    found = {}
    with np.load(one) as here, np.load(two) as there:
        for name in (key.removesuffix("/meta") for key in here.files if key.endswith("/meta")):
            starts = here[f"{name}/parts"][1:]
            parts = [np.split(file[f"{name}/meta"], starts) for file in (here, there)]
            found[name] = max(
                float(np.abs(a - b).max() / (np.abs(a).max() or 1)) for a, b in zip(*parts)
            )
    return found


def measured(folder: Path, only: tuple[str, ...]) -> tuple[findings.Findings, list[str]]:
    """The figures and tables, and what is wrong."""
    there = Machine(folder)
    compiled = there.compile_here()
    wrong: list[str] = []
    found = findings.Findings()
    tables: list[dict] = []
    facts = there.facts
    for name in ("vector_bits", "registers"):
        found.add(findings.slug(name), facts[name], "")
    if facts["vector_bits"] != 128:
        wrong.append(f"vectors have {facts['vector_bits']} bits, expected 128")
    here = there.found.with_name("x86-64")
    around = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    of_here = lambda part: _inside(Path(sys.executable), here / part, part, around)
    if "gradients" in only:
        mine = of_here("gradients")
        theirs = there.run("gradients")
        off = apart(here / "gradients.npz", there.found / "gradients.npz")
        rows = []
        for name, one in theirs.items():
            rows.append([name, *(f"{n:.1e}" for n in (one["meta"], mine[name]["meta"], off[name]))])
            rows[-1].append("yes" if one["same"] else "no")
            if max(one["meta"], one["hvp"], off[name]) > CLOSE or not one["same"]:
                wrong.append(f"the gradients of {name}: {one}, {off[name]:.1e} from those here")
        found.add("largest-difference", max(off.values()), "")
        heads = [
            "golden file",
            "off it, aarch64",
            "off it, x86-64",
            "apart",
            "1 and 2 threads alike",
        ]
        tables.append(dict(name="gradients", header=heads, rows=rows))
    if "training" in only:
        runs = {"x86-64": of_here("training"), "aarch64": there.run("training")}
        for name, one in runs.items():
            found.add(f"accuracy-{name}", one["after"], "%")
        if abs(runs["x86-64"]["after"] - runs["aarch64"]["after"]) > POINTS:
            wrong.append(f"accuracy after fifty updates: {runs}")
    if "tests" in only:
        rows = []
        for one in there.tests():
            rows.append([one["name"], one["passed"], one["skipped"], "; ".join(one["why"])])
            if one["failed"] or not one["passed"]:
                wrong.append(f"{one['name']}: {one['failed']} failed, {one['passed']} passed")
        found.add("tests-passed", sum(row[1] for row in rows), "")
        heads = ["tests", "passed", "skipped", "why"]
        tables.append(dict(name="tests", header=heads, rows=rows))
    found.more = {"tables": tables, "machine": facts, "kernels": compiled}
    return found, wrong


def main() -> int:
    """Measure; 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        "tests/emulated", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minisnn-aarch64"
    parser.add_argument("--folder", type=Path, default=place, help="where all lies [%(default)s]")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    findings.option(parser)
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found, wrong = measured(folder, tuple(options.only))
    except ValueError as error:
        sys.exit(f"tests/emulated: {error}")
    print(json.dumps(found.contents(), indent=1))
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    found.write(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
