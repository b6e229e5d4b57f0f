"""The options of `minisnn hardware`: what each of its sub-commands takes."""

import argparse
from collections.abc import Callable
from pathlib import Path

from minisnn import outputs
from minisnn.commands import options
from minisnn.commands.studies import OUT, add_study

CUBA = "double_nmnist_cuba.h5"
SYMBOLS = "omniglot_fine.h5"
REFUSE = 4165043  # of SYMBOLS in its own words, chosen on validation classes: hardware-refuse.json
RULES = "class-mean", "membrane", "three-factor"
BITS = "weight bits of the conv layers, 2 to 8"

Option = Callable[[argparse.ArgumentParser], None]


def _option(flag: str, text: str, add=argparse.ArgumentParser.add_argument, **how) -> Option:
    """What adds an option to a parser."""
    return lambda parser: add(parser, flag, help=text, **how)


def _count(name: str, default: int | None, text: str, least: int = 1, metavar="N") -> Option:
    return lambda parser: options.add_count(parser, name, default, text, least, metavar)


def _flag(flag: str, text: str) -> Option:
    return _option(flag, text, action="store_true")


def _input(flag: str, text: str, metavar: str = "FILE") -> Option:
    return _option(flag, text, options.add_input, metavar=metavar)


def _output(flag: str, text: str, kind, metavar: str, **how) -> Option:
    return _option(flag, text, options.add_output, kind=kind, metavar=metavar, **how)


def _json(part: str) -> Option:
    text = "write the numbers, as records of results have them, to this file"
    return _output("--json", text, outputs.json_of(f"minisnn hardware {part}"), "OUT")


def _refusal(default: str) -> Option:
    text = (
        'distance from which on a device that learns by class means answers "none of these", as '
        f"minisnn hardware refuse tells it; 0: never (default: {default})"
    )
    return _count("refuse", None, text, 0)


def _ground(of: str) -> list[Option]:
    return [
        lambda parser: options.add_seed(parser, of),
        _input("--root", "folder of real N-MNIST recordings (default: simulated ones)", "DIR"),
        options.add_quiet,
        options.add_threads,
    ]


def _words(*several: Option) -> Option:
    def add(parser: argparse.ArgumentParser) -> None:
        group = parser.add_argument_group("words of the fixed-point model")
        for option in several:
            option(group)

    return add


def _several_bits(text: str) -> tuple[int, ...]:
    found = options.whole_numbers(text)
    if not found or not all(2 <= bits <= 8 for bits in found):
        raise argparse.ArgumentTypeError(f"expected numbers from 2 to 8, not {text}")
    return found


def _joules(text: str) -> tuple[float, float]:
    add, multiply = map(float, text.split(","))
    if not (0 <= add < float("inf") and 0 <= multiply < float("inf")):
        raise argparse.ArgumentTypeError(f"expected two numbers from 0 on, not {text}")
    return add, multiply


def _ways(text: str) -> tuple[int | str, ...]:
    return tuple(part if part == "all" else int(part) for part in text.split(","))


_several_bits.__name__ = "list of whole numbers"
_joules.__name__ = "pair of numbers"
_ways.__name__ = "list of whole numbers, or all"


def _exported(args: argparse.Namespace) -> outputs.Kind | None:
    for path in filter(None, (args.folder, args.out)):
        outputs.check_no_network(Path(path), "the folder")
    return outputs.FOLDER


def _a_page(args: argparse.Namespace) -> outputs.Kind:
    outputs.check_no_network(Path(args.file), "the page")
    return outputs.PAGE


MODES = dict(choices=("floor", "zero", "nearest"), default="floor")
ROUNDINGS = [
    _count("fraction", 12, "fraction bits of postsynaptic traces", 0, "F"),
    _option("--traces", "rounding of the trace filters (default: floor)", **MODES),
    _option("--membrane", "rounding on the way to u (default: floor)", **MODES),
    _flag("--strict", "stop where a number leaves its word"),
]
WORDS = _words(
    _count("bits", None, f"{BITS} (default: those that the network was trained for, else 8)", 2),
    _count("readout-bits", None, "weight bits of the readout (default: those of --bits)", 2),
    *ROUNDINGS,
)
PART = dict(nargs="?", default=argparse.SUPPRESS)  # an argument without a flag
COMPARE = [
    _words(
        _option(
            "--bits",
            f"{BITS} (default: 8,4,3,2)",
            type=_several_bits,
            default=(8, 4, 3, 2),
            metavar="A,B,…",
        ),
        *ROUNDINGS,
    ),
    _flag("--ranges", "print the interval analysis and the saturations of the episodes"),
    _option(
        "--picojoule",
        "energy of an operation (default: 0.1,3.1; Horowitz 2014)",
        type=_joules,
        metavar="ADD,MULTIPLY",
    ),
    lambda parser: add_study(parser, 100, asl=False),
]
PARTS: dict[str, tuple[str, list[Option]]] = {
    "compare": ("float against fixed point on the same test episodes (the default)", COMPARE),
    "classes": (
        "how many classes a device holds apart: 5 to all of a set, at once and one by one",
        [
            WORDS,
            _input("--checkpoint", f"network (default: {SYMBOLS})"),
            _option(
                "--ways",
                "numbers of classes, all: every class of the set (default: 5,20,50,250,all, as far "
                "as there are so many)",
                type=_ways,
                metavar="A,B,…,all",
            ),
            _option(
                "--shots",
                "numbers of shots of each class (default: 1,5,10)",
                type=options.whole_numbers,
                metavar="A,B,…",
            ),
            _count("queries", 10, "query samples of each class"),
            _count("episodes", 20, "episodes of each number of classes and shots", 2),
            _count("orders", 10, "orders in which up to 250 classes arrive one by one", 2),
            _json("classes"),
            _output(
                "--plot",
                "draw accuracy by classes, and after each class that arrives (.png, .svg, .pdf)",
                outputs.PICTURE,
                "PICTURE",
            ),
            *_ground("the episodes"),
            options.add_workers,
        ],
    ),
    "export": (
        "a network as C header and .hex files, with the C library that runs it",
        [
            WORDS,
            _input("--checkpoint", "network to export (default: the shipped one)"),
            _option(
                "--for",
                "what for: C (the default), an Arduino library, WebAssembly, or the page",
                dest="kind",
                choices=("c", "arduino", "wasm", "page"),
                default="c",
            ),
            _option(
                "--rule",
                "how it learns: by class means (the default), shot by shot, or by gradients of a "
                "fixed number of classes",
                choices=RULES,
                default=RULES[0],
            ),
            _refusal("0; with --for page, that of minisnn hardware page"),
            _output("folder", f"folder of the files (default: {OUT})", _exported, "DIR", **PART),
            _output("--out", "the same", _exported, "DIR"),
            *_ground("the episode of the self-test"),
        ],
    ),
    "loihi": (
        "a network of CubaLIF in a Loihi-style fixed-point model, next to itself in float",
        [
            _input("--checkpoint", f"network of CubaLIF (default: {CUBA})"),
            _count("episodes", 100, "test episodes", 2),
            _count("queries", 10, "query samples of each class"),
            _output(
                "--words",
                "write the model's integers, as Lava takes them, to an .npz",
                outputs.WORDS,
                "FILE",
            ),
            _json("loihi"),
            _option(
                "--step-size",
                "also learn from a readout of zero, one sample after the other, with this step (the "
                "nearest power of two)",
                type=float,
                metavar="X",
            ),
            *_ground("the episodes"),
            options.add_workers,
        ],
    ),
    "metatrain": (
        "learn to learn by class means in integers only, next to float on the same tasks",
        [
            _option(
                "--word-bits",
                "bits of every stored word, 8 to 16; one or more (default: 16)",
                type=options.whole_numbers,
                default=(16,),
                metavar="A,B,…",
            ),
            _count("updates", 120, "meta-updates"),
            _count(
                "rate",
                512,
                "first step of the integers, in 65,536ths of the largest weight they begin with; "
                "smaller for long runs",
            ),
            _option(
                "--lr",
                "first learning rate of the float network next to them (default: 0.005)",
                type=float,
                default=0.005,
                metavar="X",
            ),
            _count("seeds", 1, "how many seeds, from --seed on"),
            _count("episodes", 80, "episodes that test", 2),
            _count(
                "alphabets",
                0,
                "alphabets whose characters test, the first of the split's, whose recordings are "
                "made sooner; 0: all",
                0,
            ),
            _option(
                "--split",
                "whose characters test: validation to choose settings by (default: test)",
                choices=("val", "test"),
                default="test",
            ),
            _output(
                "--out", "folder of the run (default: runs/metatrain-<number>)", outputs.RUN, "DIR"
            ),
            _input("--resume", "go on with the run in this folder, as it was begun", "DIR"),
            _json("metatrain"),
            lambda parser: options.add_seed(parser, "weights, tasks and rounding"),
            options.add_quiet,
            options.add_threads,
        ],
    ),
    "page": (
        "one web page: draw a symbol, watch its events, teach the network, test it",
        [
            WORDS,
            _output("file", "the page (default: page.html)", _a_page, "OUT.html", **PART),
            _input("--checkpoint", f"network for single symbols (default: {SYMBOLS})"),
            _refusal(f"{REFUSE} for {SYMBOLS}, chosen on validation characters; else 0"),
            lambda parser: options.add_seed(parser, "the noise of the camera"),
        ],
    ),
    "refuse": (
        'when to answer "none of these": a threshold by its false alarms on validation classes',
        [
            WORDS,
            _input("--checkpoint", f"network (default: {SYMBOLS})"),
            _count("episodes", 100, "episodes of validation, and of test, classes", 2),
            _count("ways", 5, "classes that are taught; as many are not"),
            _count("shots", 1, "shots of each"),
            _count("queries", 5, "query samples of each class"),
            _option(
                "--allowed",
                "of queries of known classes that may be refused on validation (default: 5)",
                type=float,
                default=5.0,
                metavar="PERCENT",
            ),
            _json("refuse"),
            *_ground("the episodes"),
            options.add_workers,
        ],
    ),
    "train": (
        "meta-train a network for weights of few bits",
        [
            _words(
                _count("bits", None, f"{BITS}; needed unless --resume", 2),
                _count("readout-bits", None, "weight bits of the readout (default: 8)", 2),
            ),
            _input("--start", "float network to start from (default: the shipped one)"),
            _count("updates", None, "meta-updates (default: 400)"),
            _option(
                "--lr", "learning rate at the start (default: 0.0005)", type=float, metavar="X"
            ),
            _count("episodes", 100, "test episodes", 2),
            _flag("--force", "overwrite the run in --out"),
            _output("--out", "run folder (default: runs/chip-<bits>-<number>)", outputs.RUN, "DIR"),
            _input("--resume", "resume the run in this folder, with its own settings", "DIR"),
            *_ground("everything random"),
            options.add_workers,
        ],
    ),
}
