"""Mutants: small faults put into the library at seeded places, one at a time; the default tests
must notice each that changes what the library does.

    python tests/mutants.py OUT.json [--count 60] [--seed 0] [--only minisnn/core minisnn/fast …]

OUT.json gets a line a mutant as soon as it is tried, so a run that was stopped goes on with the
next. For each mutant the default tests of its own part run first, which notice most; then all.
"""

import argparse
import ast
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("minisnn", "hardware")
TRIED_BY = {"vectors": "kernels"}  # a room whose tests lie in another's folder
OTHER = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One place in a file, and what stands there instead."""

    path: str
    line: int
    start: int  # bytes from the beginning of the file
    before: str
    after: str

    def apply(self, root: Path) -> None:
        path = root / self.path
        data = path.read_bytes()
        end = self.start + len(self.before.encode())
        assert data[self.start : end] == self.before.encode(), self
        path.write_bytes(data[: self.start] + self.after.encode() + data[end:])


def mutants_of(path: str, text: str) -> list[Mutant]:
    """All mutants of a file: an operator turned into its neighbour, a number one larger, a
    condition denied, a statement left out."""
    data = text.encode()
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    found = []
    for node in _code(ast.parse(text)):
        after = changed(node)
        if isinstance(node, ast.If):
            node = node.test
        if after:
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            found.append(Mutant(path, node.lineno, start, data[start:end].decode(), after))
    return found


def changed(node: ast.AST) -> str:
    """What stands in place of a node, or of an if's condition; "" where nothing does."""
    if isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp):
        ops = node.ops if isinstance(node, ast.Compare) else [node.op]
        if len(ops) > 1 or type(ops[0]) not in OTHER:
            return ""
        op = OTHER[type(ops[0])]()
        node = copy.deepcopy(node)
        if isinstance(node, ast.Compare):
            node.ops = [op]
        else:
            node.op = op
        return f"({ast.unparse(node)})"
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return str(node.value + 1)
    if isinstance(node, ast.If) and not isinstance(node.test, ast.Constant):
        return f"not ({ast.unparse(node.test)})"
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return "pass" if called or isinstance(node, ast.AugAssign) else ""


def _code(tree: ast.AST):
    """All nodes but annotations, of which nothing depends, and numbers within f-strings."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.JoinedStr) or not isinstance(node, ast.AST):
                continue
            yield node
            yield from _code(node)


def chosen(count: int, seed: int, parts: list[str]) -> list[Mutant]:
    """`count` of all mutants of these folders, drawn with a seed."""
    every = []
    for part in parts:
        for path in sorted((ROOT / part).rglob("*.py")):
            every += mutants_of(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    return random.Random(seed).sample(every, count)


def tests_of(mutant: Mutant, root: Path) -> list[str]:
    """The tests of the mutant's own part: files named after it or its room, its room's folder."""
    *rooms, stem = Path(mutant.path).with_suffix("").parts
    folder = "hardware" if rooms[0] == "hardware" else TRIED_BY.get(rooms[-1], "/".join(rooms[1:]))
    found = [f"tests/{folder}"] if folder and (root / "tests" / folder).is_dir() else []
    names = [f"test_{name}{more}.py" for name in (*rooms[1:], stem) for more in ("", "_*")]
    paths = {path for name in names for path in (root / "tests").rglob(name)}
    return [*sorted(str(path.relative_to(root)) for path in paths), *found]


def clone(root: Path) -> None:
    """A fresh clone of the last commit."""
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(root)], check=True)


def noticed(root: Path, jobs: int, *arguments: str) -> str:
    """The first test that fails; "" where all pass."""
    environment = dict(
        os.environ, PYTHONPATH=str(root), MPLBACKEND="Agg", MINISNN_CACHE=str(root.parent / "cache")
    )
    line = [sys.executable, "-m", "pytest", "-q", "-x", "-n", str(jobs), "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*line, *arguments],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=3600,
        )
    except subprocess.TimeoutExpired:
        return "never ends"
    if done.returncode in (0, 5):
        return ""
    lines = [one for one in done.stdout.splitlines() if one.startswith(("FAILED", "ERROR"))]
    return (lines or [done.stderr.strip()[-200:] or "ended"])[0][:200]


def tried(mutant: Mutant, root: Path, jobs: int) -> str:
    """The first test that notices it, of its own part's and then of all; "" where none does."""
    own = tests_of(mutant, root)
    return (own and noticed(root, jobs, *own)) or noticed(root, jobs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT.json")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=PARTS, metavar="FOLDER", help="of the library")
    parser.add_argument("--jobs", type=int, default=2, help="processes of pytest (default: 2)")
    args = parser.parse_args()
    lines = args.out.read_text(encoding="utf-8").splitlines() if args.out.exists() else []
    known = {json.dumps(one["mutant"], sort_keys=True) for one in map(json.loads, lines)}
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        root = Path(temporary) / "clone"
        clone(root)
        if found := noticed(root, args.jobs):
            parser.exit(2, f"without any mutant {found}; expected tests that pass\n")
        for number, mutant in enumerate(chosen(args.count, args.seed, args.only)):
            if json.dumps(asdict(mutant), sort_keys=True) in known:
                continue
            clone(root)
            mutant.apply(root)
            found = tried(mutant, root, args.jobs)
            with open(args.out, "a", encoding="utf-8") as file:
                file.write(json.dumps({"mutant": asdict(mutant), "noticed": found}) + "\n")
            place = f"{mutant.path}:{mutant.line} {mutant.before!r} -> {mutant.after!r}"
            print(f"{number}: {place}: {found or 'not noticed'}", flush=True)


if __name__ == "__main__":
    main()
