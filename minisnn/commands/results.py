"""The measurements behind every number in the documents, one file each in data/results. Without
options, lists them all, and says which are missing or out of date. --only measures again, and continues where it was
stopped; --pages writes the pages made from them."""

import argparse
import hashlib
import importlib
import sys
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import minisnn

from . import options
from ..results import flags, record
from ..results.pages import literature, renewed
from ..files import write_whole

EXAMPLES = """\
examples:
  minisnn results                             every measurement, and whether it is up to date
  minisnn results --only double-nmnist-maml   measure one again; the same command resumes it
  minisnn results --missing                   measure what is missing, or was measured otherwise; takes hours
  minisnn results --only real-shift --data nmnist=~/N-MNIST
  minisnn results --pages                     write numbers, tables and plots of all pages again"""
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "hardware/README.md",
    "data/results/*.md",
    "lessons/guides/*.md",
    "lessons/README.md",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--only", type=options.names, metavar="A,B,…", help="measure these again")
    what.add_argument(
        "--missing",
        action="store_true",
        help="measure at once what is missing, or was measured by other commands or networks; "
        "takes "
        "hours",
    )
    what.add_argument("--pages", action="store_true", help="write the pages that show results")
    what.add_argument(
        "--check",
        action="store_true",
        help="exit with 1 where a page differs from what the files say",
    )
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="folder of recordings that commands call {NAME}, such as nmnist=~/N-MNIST; can be "
        "repeated",
    )
    options.add_input(
        parser,
        "--folder",
        type=Path,
        metavar="DIR",
        help="folder of the measurements (default: those that ship with minisnn)",
    )
    options.add_input(
        parser,
        "--work",
        type=Path,
        default=Path("runs/results"),
        metavar="DIR",
        help="working folder, in which a stopped measurement continues (default: runs/results)",
    )


def run(args: argparse.Namespace) -> int:
    from ..results.measure import state

    folder = args.folder or record.folder()
    records = record.read_all(folder)
    if not records:
        raise ValueError(f"--folder {folder}: holds no measurement, expected files NAME.json")
    if args.pages or args.check:
        options.refuse(args, "with --check" if args.check else "with --pages", "data", "work")
        return _pages(folder, records, args.check, args.whole())
    if args.only == ():
        raise ValueError("--only names no result; leave it out, or name some")
    for name in args.only or ():
        if name not in records:
            raise ValueError(
                f"--only: there is no result {name!r}; expected some of {', '.join(records)}"
            )
    listed = args.only is None and not args.missing
    if listed:
        options.refuse(args, "without --only or --missing", "data", "work")
    codes = {
        name: _code(name.partition("-")[0], *_programs(one.commands))
        for name, one in records.items()
    }
    states = {name: state(one, codes[name]) for name, one in records.items()}
    if listed:
        for name, one in records.items():
            print(f"{name:<36} {states[name]:<15} {one.measured.get('date', ''):<11} {one.title}")
        return 0
    chosen = args.only or [
        name for name, is_now in states.items() if is_now not in ("measured", "other code")
    ]
    return _measured(args, {name: records[name] for name in chosen}, folder, codes)


def _measured(args: argparse.Namespace, chosen: dict, folder: Path, codes: dict) -> int:
    """Measure records one after the other; one that fails does not stop the others, and is told at
    the end."""
    from ..results.measure import as_options, complete, measure, needed

    roots = dict(_named(text) for text in args.data)
    asks = {name: needed(one.commands) for name, one in chosen.items()}
    if args.only and (idle := set(roots) - set().union(*asks.values())):
        raise ValueError(
            f"--data {', '.join(sorted(idle))}: needed by none of {', '.join(chosen)}; leave it out"
        )
    lacking = {name: needs for name, of in asks.items() if (needs := of - set(roots))}
    if lacking:
        raise ValueError(
            f"recordings are needed for {', '.join(lacking)}; give "
            f"{as_options(set.union(*lacking.values()))}, or choose others with --only"
        )
    print(
        f"{len(chosen)} {'measurement' if len(chosen) == 1 else 'measurements'}",
        file=sys.stderr,
        flush=True,
    )
    work = args.work.absolute()  # commands run in the project's folder
    failed = {}
    try:
        for number, (name, one) in enumerate(chosen.items(), 1):
            print(f"{number} of {len(chosen)}: {name}", file=sys.stderr, flush=True)
            told = partial(print, " ", file=sys.stderr, flush=True)
            try:
                made = measure(one, work / name, roots, codes[name], told)
                record.update(folder / f"{name}.json", made)
                complete(work / name)
            except (OSError, ValueError, LookupError, TypeError) as error:  # of an output, too
                failed[name] = error
                told("failed")
                continue
            print(f"{name}: {len(made.figures)} figures, {made.measured['seconds']:,.0f} s")
    finally:  # when stopped, too
        for name, error in failed.items():
            print(f"{name} was not measured: {error}", file=sys.stderr)
    return int(bool(failed))


def _named(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals or not place:
        raise ValueError(f"--data {text}: expected NAME=DIR, such as nmnist=~/N-MNIST")
    path = Path(place).expanduser().absolute()
    if not path.exists():
        raise ValueError(f"--data {text}: there is no {path}")
    return name, str(path)


def _programs(commands: list[str]) -> list[str]:
    """The programs that commands are: a command of minisnn, or the path of a script."""
    return list(dict.fromkeys(command.split()[1] for command in commands))


@cache
def _code(first: str, *programs: str) -> str:
    """A hash of the code that a record's numbers depend on: all modules of these rooms, and of the
    one that has the first word of the record's name, if there is one; the commands themselves, and
    the scripts that lie beside them."""
    from ..data.store.code import code_identity
    from ..results.measure import ROOT

    rooms = ["data", "kernels", "layers", "meta", "network", "training", "experiments"]
    places = [f"{minisnn.__name__}.{room}" for room in dict.fromkeys([*rooms, first])]
    found = [importlib.import_module(place) for place in places if find_spec(place) is not None]
    names = {name for room in found for name in _modules_of(room)}
    names.add(f"{minisnn.__name__}.results.kinds")
    commands = [f"{minisnn.__name__}.commands.{one}" for one in programs if one.isidentifier()]
    names |= {name for name in commands if find_spec(name) is not None}
    scripts = {(ROOT / one).parent for one in programs if one.endswith(".py")}
    texts = [path.read_bytes() for one in sorted(scripts) for path in sorted(one.glob("*.py"))]
    told = [code_identity(*sorted(names)), *(hashlib.sha256(text).hexdigest() for text in texts)]
    return hashlib.sha256(" ".join(told).encode()).hexdigest()[:16]


def _modules_of(package: ModuleType) -> list[str]:
    """The names of a package and of all modules in it."""
    if not hasattr(package, "__path__"):
        return [package.__name__]
    folder = Path(*package.__path__)
    files = [path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py")]
    names = [".".join((package.__name__, *path.parts)) for path in files]
    return [name.removesuffix(".__init__") for name in names]


def _pages(folder: Path, records: dict, check: bool, parser: argparse.ArgumentParser) -> int:
    """Write the pages again, or tell which are not what the files say."""
    from ..results.tables import makers

    root = folder.resolve().parents[1]
    found = sorted(path for pattern in PAGES for path in root.glob(pattern))
    stale = []
    for page in found:
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(root).as_posix()
        made = renewed(
            text,
            records,
            literature(folder),
            {**makers(records, folder, page, drawing=not check), **flags.makers(parser)},
            name,
        )
        if made != text:
            stale.append(name)
            if not check:
                write_whole(page, made.encode())
    for name in stale:
        print(
            f"{name}: {'is not what the results say; minisnn results --pages writes it again' if check else 'written'}"
        )
    if not stale:
        print(f"{len(found)} pages are what {len(records)} results say")
    return int(check and bool(stale))
