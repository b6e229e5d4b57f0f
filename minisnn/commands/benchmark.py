"""Frozen episodes that any framework can answer. `export` writes them as files that NumPy reads:
recordings as lists of events, the labels of the support, none of the queries, and recordings of
other classes to learn from. `score` takes a file of answers, deals the episodes again, and puts the
answers beside those of others: accuracy, intervals and paired differences."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import outputs
from ..files import write_json
from . import options

if TYPE_CHECKING:
    from ..benchmark.answers import Answered
    from ..benchmark.series import Series

EXAMPLES = """\
examples:
  minisnn benchmark export benchmark             all series, to be answered and to learn from
  minisnn benchmark export small --only double-nmnist-5way-1shot
  minisnn benchmark export mine --dataset gestures.py:shapes --ways 3
  minisnn benchmark score answers.npz            beside the entries that are kept
  minisnn benchmark score mine.npz theirs.npz    and each other
  minisnn benchmark score --checkpoint runs/quick-1 --only double-nmnist-5way-1shot

lessons/guides/benchmark.md shows an entry in PyTorch from export to score."""
JSON = outputs.json_of("minisnn benchmark score")


def arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(
        dest="what", metavar="{export,score}", title="what to do", required=True
    )
    defaults = {}
    for name, add, text in (
        ("export", _export_arguments, "write episodes into a folder"),
        ("score", _score_arguments, "score answers to them"),
    ):
        part = parts.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=EXAMPLES,
            formatter_class=options.Help,
            allow_abbrev=False,
        )
        add(part)
        defaults[name] = options.only_given(part)
    parser.set_defaults(defaults=defaults)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_output(
        parser, "folder", kind=outputs.FOLDER, metavar="DIR", help="folder to write to"
    )
    _add_only(parser, "all of the benchmark")
    options.add_count(parser, "episodes", 600, "episodes of each series")
    options.add_yes(parser, "train", "write recordings of other classes, to learn from")
    own = parser.add_argument_group("a benchmark of your own")
    own.add_argument(
        "--dataset",
        metavar="NAME",
        help="as in train: file.py:NAME, a name, or recordings (default: those that ship)",
    )
    options.add_input(own, "--root", metavar="DIR", help="folder of the recordings of --dataset")
    own.add_argument(
        "--split",
        choices=("train", "val", "test"),
        default="test",
        help="classes of the episodes (default: test)",
    )
    options.add_count(own, "ways", 5, "classes of an episode", 2)
    options.add_count(own, "shots", 1, "support samples of each class")
    options.add_count(own, "queries", 10, "query samples of each class")
    options.add_count(
        parser, "seed", None, "seed of the episodes (default: 1; with --dataset 0)", 0, "S"
    )
    options.add_reading(parser)
    options.add_quiet(parser)
    options.add_threads(parser)


def _score_arguments(parser: argparse.ArgumentParser) -> None:
    options.reads(
        parser.add_argument(
            "answers", nargs="*", metavar="ANSWERS.npz", help="files of answers, the first leading"
        )
    )
    options.reads(
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            metavar="FILE",
            help="a network that answers now, by its own rule: checkpoint, run folder, or name of a "
            "shipped checkpoint; can be repeated",
        )
    )
    _add_only(parser, "those that are answered")
    own = parser.add_argument_group("answers to a benchmark of your own")
    own.add_argument("--dataset", metavar="NAME", help="as it was exported, where it is code")
    options.add_input(own, "--root", metavar="DIR", help="folder of its recordings")
    options.add_count(own, "seed", 0, "seed that it was exported with", 0, "S")
    options.add_output(
        parser,
        "--json",
        kind=JSON,
        metavar="OUT",
        help="write all numbers, also which answers are right, to this file",
    )
    options.add_quiet(parser)
    options.add_threads(parser)
    options.add_workers(parser)


def _add_only(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--only", type=options.names, metavar="A,B,…", help=f"these series (default: {default})"
    )


def run(args: argparse.Namespace) -> None:
    given = {name: getattr(args, name) for name in args.given if name not in ("what", "defaults")}
    whole = {**args.defaults[args.what], **given}
    args = argparse.Namespace(**{**vars(args), **whole})
    args.given = frozenset(given)
    if args.only == ():
        raise ValueError("--only none: names no series; expected one or more")
    options.use_threads(args.threads)
    _export(args) if args.what == "export" else _score(args)


# ---- export


def _export(args: argparse.Namespace) -> None:
    from ..benchmark.export import check_apart, expected_bytes, export

    series = _own_series(args) if args.dataset else _our_series(args)
    sets: dict[tuple, Any] = {}

    def opened(one: "Series", split: str | None) -> Any:
        key = (one.data, split)
        if key not in sets:
            whole = replace(one, dataset=args.dataset or one.dataset)  # with its folder, of code
            sets[key] = whole.open(args.root, not args.quiet, split)
        return sets[key]

    expected: dict[str, tuple[int, int]] = {}
    for one in series:
        tasks, train = opened(one, None), opened(one, "train") if args.train else None
        check_apart(one, tasks, train)
        found = expected_bytes(one, tasks, train)
        expected[one.data] = max(expected.get(one.data, (0, 0)), found)
        print(
            f"{one.name}: {one.episodes} {one.ways}-way {one.shots}-shot episodes, {one.asked} "
            "queries each",
            flush=True,
        )
    number = sum(count for count, _ in expected.values())
    size = sum(size for _, size in expected.values()) / 1e6
    print(f"about {number:,} recordings, {max(size, 0.1):,.1f} MB in all", flush=True)
    with outputs.marked_folder(args.folder, args.force) as made:
        told = partial(print, flush=True)
        manifest = export(made, series, opened, args.train, not args.quiet, told)
    print(f"{args.folder}: {manifest['name']}; read it with {args.folder / 'read.py'}")


def _our_series(args: argparse.Namespace) -> list["Series"]:
    from ..benchmark.series import EPISODES, SEED

    options.refuse(
        args, "without --dataset", "root", "split", "ways", "shots", "queries", *options.READING
    )
    changes = dict(episodes=EPISODES if args.episodes is None else args.episodes)
    changes["seed"] = SEED if args.seed is None else args.seed
    return [replace(one, **changes) for one in _chosen(args.only)]


def _own_series(args: argparse.Namespace) -> list["Series"]:
    from ..benchmark.series import own

    options.refuse(args, "beside --dataset, which is one series", "only")
    how = {name: getattr(args, name) for name in options.given_reading(args, args.dataset)}
    size = args.ways, args.shots, args.queries
    rooted = args.root is not None
    seed = args.seed or 0
    return [own(args.dataset, args.split, rooted, size, args.episodes, seed, how)]


def _chosen(names: tuple[str, ...] | None) -> list["Series"]:
    from ..benchmark.series import SERIES

    for name in names or ():
        if name not in SERIES:
            raise ValueError(
                f"--only: there is no series {name!r}; expected some of {', '.join(SERIES)}"
            )
    return [one for name, one in SERIES.items() if names is None or name in names]


# ---- score


def _score(args: argparse.Namespace) -> None:
    from ..benchmark.answers import read_answers
    from ..benchmark.score import FRAMES, kept, score, table
    from ..results import record

    json = None if args.json is None else args.json.absolute()
    found = [read_answers(path, args.seed) for path in args.answers]
    if not found and not args.checkpoint:
        raise ValueError("nothing to score; give a file of answers, or --checkpoint FILE")
    networks = dict(_networks(args.checkpoint))
    names = _names(found, (*networks, FRAMES))
    records = record.read_all(record.folder())
    scored = {}
    with options.executor_of(args) as executor:
        for one, dealt in _answered(args, found, networks):
            tasks = _open(args, one)
            own = {name: each.labels[one.name] for name, each in zip(names, found)}
            rules = {name: _rule(name, net, one, tasks) for name, net in networks.items()}
            scored[one.name] = score(
                one,
                tasks,
                own,
                rules,
                partial(kept, records, one),
                dealt,
                executor,
                not args.quiet,
            )
    if json is not None:
        how = {name: one.how for name, one in zip(names, found) if one.how}
        values = {"how": how, "series": scored}
        write_json(json, outputs.made_by("minisnn benchmark score", values))
    print(*table(scored), sep="\n")


def _names(found: list["Answered"], others: Iterable[str]) -> list[str]:
    """What the table calls answers: by their file, too, where others have the same name."""
    often = Counter([*others, *(one.name for one in found)])
    return [one.name if often[one.name] == 1 else f"{one.name} ({one.path})" for one in found]


def _answered(
    args: argparse.Namespace, found: list["Answered"], networks: dict[str, Any]
) -> Iterator[tuple["Series", str | None]]:
    """The series that are scored, and the hashes of their episodes."""
    if not found:
        options.refuse(args, "without a file of answers", "dataset", "root", "seed")
        fitting = [one for one in _chosen(args.only) if args.only or _fits(networks, one)]
        if not fitting:
            raise ValueError(
                f"--checkpoint {args.checkpoint[0]}: no series has recordings of the kind that it "
                "learned from; name one with --only"
            )
        yield from ((one, None) for one in fitting)
        return
    first, *others = found
    names = args.only or tuple(first.labels)
    for name in names:
        for one in found:
            if name not in one.labels:
                raise ValueError(
                    f"{one.path}: does not answer {name}; name what all files answer with --only"
                )
            if one.dealt[name] != first.dealt[name]:
                raise ValueError(
                    f"{one.path}: {name} has episodes of the hash {one.dealt[name][:12]}; those of "
                    f"{first.path} have {first.dealt[name][:12]}, expected the same"
                )
        yield first.series[name], first.dealt[name]


def _open(args: argparse.Namespace, series: "Series") -> Any:
    """The set of a series; code runs only where the command names it."""
    from ..benchmark.series import anybody_has, needs
    from ..data.sets.named import OWN

    if anybody_has(series):
        options.refuse(args, f"for {series.name}, which ships", "dataset", "root", "seed")
        return series.open(None, not args.quiet)
    named = args.dataset
    known = series.dataset if series.dataset == OWN else None
    if (named or known) is None or series.rooted != (args.root is not None):
        raise ValueError(
            f"{series.name}: its episodes are dealt again from your own recordings; give "
            f"{needs(series)}, as it was exported"
        )
    chosen = replace(series, dataset=named or series.dataset)
    return chosen.open(args.root, not args.quiet)


def _networks(paths: list[str]) -> Iterator[tuple[str, Any]]:
    from ..meta.rules import RULES
    from ..training.checkpoint import read

    for path in paths:
        found = read(options.find_checkpoint(path))
        config = found.config
        words = f", {RULES[config.rule].words(config.order)}" if config else ""
        yield f"{path}{words}", found


def _fits(networks: dict[str, Any], series: "Series") -> bool:
    """Whether networks learned from recordings of the kind that a series has."""
    read = {name: value for name, value in series.options.items() if name != "align"}
    return all(
        found.origin.data == series.dataset and found.origin.options(series.dataset) == read
        for found in networks.values()
    )


def _rule(name: str, found: Any, series: "Series", tasks: Any) -> Any:
    from ..training.baselines import Adapted, with_ways

    options.check_learns(name, found)
    if tuple(found.net.input_shape) != tuple(tasks.input_shape):
        raise ValueError(
            f"{name}: takes recordings of shape {found.net.input_shape}; those of {series.name} "
            f"have {tuple(tasks.input_shape)}"
        )
    if found.net.ways == series.ways:
        return Adapted.of(found)
    return Adapted(*with_ways(found.net, found.theta, found.loop, series.ways))
