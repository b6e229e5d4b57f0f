"""List or repeat the measurements behind the numbers of all documents, a file each. Without
options, lists them all. --only measures again, continues where it was stopped, and writes the new
figures into the pages.

examples:
  python data/results/make.py                             every measurement, and when it was made
  python data/results/make.py --only double-nmnist-maml   measure one again; the same command resumes it
  python data/results/make.py --missing                   measure what is missing, or has other commands; takes hours
  python data/results/make.py --only real-shift --data nmnist=~/N-MNIST
  python data/results/make.py --pages                     write tables and plots of all pages again"""

import argparse
import sys
from pathlib import Path

from measure import ROOT, measure, needed
from pages import renewed
from record import read_all, update
from tables import makers

from minisnn.files import write_whole

PAGES = (
    "README.md",
    "CHANGELOG.md",
    "hardware/README.md",
    "data/results/*.md",
    "lessons/guides/*.md",
    "lessons/README.md",
)


def main() -> int:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--only", metavar="A,B,…", help="measure these again")
    what.add_argument("--missing", action="store_true", help="measure what is missing")
    what.add_argument("--pages", action="store_true", help="write the pages that show results")
    what.add_argument("--check", action="store_true", help="exit with 1 where a page differs")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="folder of recordings that commands call {NAME}; can be repeated",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("runs/results"),
        metavar="DIR",
        help="folder in which a stopped measurement continues (default: runs/results)",
    )
    args = parser.parse_args()
    records = read_all()
    if args.pages or args.check:
        return pages(records, records, args.check)
    if args.only:
        chosen = args.only.split(",")
        if unknown := [name for name in chosen if name not in records]:
            parser.error(f"there is no result {unknown[0]}; expected some of {', '.join(records)}")
    else:
        chosen = [name for name, one in records.items() if one.state != "measured"]
    if not args.only and not args.missing:
        for name, one in records.items():
            print(f"{name:<36} {one.state:<15} {one.measured.get('date', ''):<11} {one.title}")
        return 0
    roots = dict(_named(text) for text in args.data)
    lacking = {place for name in chosen for place in needed(records[name].commands)} - set(roots)
    if lacking:
        words = " ".join(f"--data {place}=DIR" for place in sorted(lacking))
        parser.error(f"recordings are needed for {', '.join(chosen)}: {words}")
    failed = 0
    for number, name in enumerate(chosen, 1):
        print(f"{number} of {len(chosen)}: {name}", flush=True)
        try:
            made = measure(records[name], args.work.absolute() / name, roots)
        except (ValueError, OSError) as error:
            print(f"{name} was not measured: {error}", file=sys.stderr)
            failed += 1
            continue
        update(name, made)
        print(f"{name}: {len(made.figures)} figures, {made.measured['seconds']:,.0f} s", flush=True)
    pages(records, read_all())
    return int(failed > 0)


def _named(text: str) -> tuple[str, str]:
    name, _, place = text.partition("=")
    return name, str(Path(place).expanduser().resolve(strict=True))


def pages(before: dict, now: dict, check: bool = False) -> int:
    """Write the pages again, or name those that are not what the records say."""
    stale = 0
    changed = {name for name in now if before.get(name) != now[name]}
    for path in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        text = path.read_text(encoding="utf-8")
        made = renewed(text, before, now, makers(now, path, changed), path.name)
        if made != text:
            stale += 1
            print(f"{path.relative_to(ROOT)}: {'is not what the records say' * check or 'written'}")
            if not check:
                write_whole(path, made.encode())
    print(f"{stale} pages differed from what {len(now)} records say")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
