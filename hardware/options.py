"""The options of `minisnn hardware`: what each of its sub-commands takes."""

import argparse
from pathlib import Path

from minisnn import outputs
from minisnn.commands import options
from minisnn.commands.studies import OUT, add_study

CUBA = "double_nmnist_cuba.h5"
SYMBOLS = "omniglot_fine.h5"
REFUSE = 4165043  # of SYMBOLS in its own words, chosen on validation classes: hardware-refuse.json
RULES = "class-mean", "membrane", "three-factor"
FOR = "what for: C (the default), an Arduino library, WebAssembly, or the page"


def compare_options(parser: argparse.ArgumentParser) -> None:
    """Of `compare`, and of the command without one."""
    _word_options(parser, "8,4,3,2", "A,B,…")
    parser.add_argument(
        "--ranges",
        action="store_true",
        help="print the interval analysis and the saturations of the episodes",
    )
    parser.add_argument(
        "--picojoule",
        metavar="ADD,MULTIPLY",
        help="energy of an operation (default: 0.1,3.1; Horowitz 2014)",
    )
    add_study(parser, 100, asl=False)


def _export_options(parser: argparse.ArgumentParser) -> None:
    _word_options(
        parser, "those that the network was trained for, else 8", readout="those of --bits"
    )
    options.add_input(
        parser, "--checkpoint", metavar="FILE", help="network to export (default: the shipped one)"
    )
    parser.add_argument(
        "--for", dest="kind", choices=("c", "arduino", "wasm", "page"), default="c", help=FOR
    )
    how: dict = dict(kind=_exported, metavar="DIR")
    parser.add_argument(
        "--rule",
        choices=RULES,
        default=RULES[0],
        help="how it learns: by class means (the default), shot by shot, or by gradients of a fixed "
        "number of classes",
    )
    _refusal(parser, "0; with --for page, that of minisnn hardware page")
    options.add_output(
        parser,
        "folder",
        nargs="?",
        default=argparse.SUPPRESS,
        help=f"folder of the files (default: {OUT})",
        **how,
    )
    options.add_output(parser, "--out", help="the same", **how)
    _ground_options(parser, "the episode of the self-test")


def _loihi_options(parser: argparse.ArgumentParser) -> None:
    options.add_input(
        parser, "--checkpoint", metavar="FILE", help=f"network of CubaLIF (default: {CUBA})"
    )
    options.add_count(parser, "episodes", 100, "test episodes", 2)
    options.add_count(parser, "queries", 10, "query samples of each class")
    options.add_output(
        parser,
        "--words",
        kind=outputs.WORDS,
        metavar="FILE",
        help="write the model's integers, as Lava takes them, to an .npz",
    )
    options.add_output(
        parser,
        "--json",
        kind=outputs.json_of("minisnn hardware loihi"),
        metavar="OUT",
        help="write the numbers, as records of results have them, to this file",
    )
    parser.add_argument(
        "--step-size",
        type=float,
        metavar="X",
        help="also learn from a readout of zero, one sample after the other, with this step (the "
        "nearest power of two)",
    )
    _ground_options(parser, "the episodes")
    options.add_workers(parser)


def _page_options(parser: argparse.ArgumentParser) -> None:
    _word_options(
        parser, "those that the network was trained for, else 8", readout="those of --bits"
    )
    options.add_output(
        parser,
        "file",
        kind=_a_page,
        nargs="?",
        default=argparse.SUPPRESS,
        metavar="OUT.html",
        help="the page (default: page.html)",
    )
    options.add_input(
        parser,
        "--checkpoint",
        metavar="FILE",
        help=f"network for single symbols (default: {SYMBOLS})",
    )
    _refusal(parser, f"{REFUSE} for {SYMBOLS}, chosen on validation characters; else 0")
    options.add_seed(parser, "the noise of the camera")


def _refuse_options(parser: argparse.ArgumentParser) -> None:
    _word_options(
        parser, "those that the network was trained for, else 8", readout="those of --bits"
    )
    options.add_input(parser, "--checkpoint", metavar="FILE", help=f"network (default: {SYMBOLS})")
    options.add_count(parser, "episodes", 100, "episodes of validation, and of test, classes", 2)
    options.add_count(parser, "ways", 5, "classes that are taught; as many are not")
    options.add_count(parser, "shots", 1, "shots of each")
    options.add_count(parser, "queries", 5, "query samples of each class")
    parser.add_argument(
        "--allowed",
        type=float,
        default=5.0,
        metavar="PERCENT",
        help="of queries of known classes that may be refused on validation (default: 5)",
    )
    options.add_output(
        parser,
        "--json",
        kind=outputs.json_of("minisnn hardware refuse"),
        metavar="OUT",
        help="write the numbers, as records of results have them, to this file",
    )
    _ground_options(parser, "the episodes")
    options.add_workers(parser)


def _classes_options(parser: argparse.ArgumentParser) -> None:
    _word_options(
        parser, "those that the network was trained for, else 8", readout="those of --bits"
    )
    options.add_input(parser, "--checkpoint", metavar="FILE", help=f"network (default: {SYMBOLS})")
    parser.add_argument(
        "--ways",
        type=_ways,
        metavar="A,B,…,all",
        help="numbers of classes, all: every class of the set (default: 5,20,50,250,all, as far as "
        "there are so many)",
    )
    options.add_list(parser, "shots", None, "numbers of shots of each class (default: 1,5,10)")
    options.add_count(parser, "queries", 10, "query samples of each class")
    options.add_count(parser, "episodes", 20, "episodes of each number of classes and shots", 2)
    options.add_count(
        parser, "orders", 10, "orders in which up to 250 classes arrive one by one", 2
    )
    options.add_count(
        parser,
        "compiled",
        300,
        "recordings that the C library, compiled on this computer, plays again at most, of the "
        "first episode of each kind, the smallest first; 0: none",
        0,
    )
    parser.add_argument(
        "--instructions",
        action="store_true",
        help="count the instructions of a recording on a Cortex-M4 in QEMU (needs "
        "gcc-arm-none-eabi and qemu-system-arm)",
    )
    options.add_output(
        parser,
        "--json",
        kind=outputs.json_of("minisnn hardware classes"),
        metavar="OUT",
        help="write the numbers, as records of results have them, to this file",
    )
    options.add_output(
        parser,
        "--plot",
        kind=outputs.PICTURE,
        metavar="PICTURE",
        help="draw accuracy by classes, and after each class that arrives (.png, .svg, .pdf)",
    )
    _ground_options(parser, "the episodes")
    options.add_workers(parser)


def _ways(text: str) -> tuple[int | str, ...]:
    return tuple(part if part == "all" else int(part) for part in text.split(","))


_ways.__name__ = "list of whole numbers, or all"


def _refusal(parser: argparse.ArgumentParser, default: str) -> None:
    options.add_count(
        parser,
        "refuse",
        None,
        'distance from which on a device that learns by class means answers "none of these", as '
        f"minisnn hardware refuse tells it; 0: never (default: {default})",
        0,
    )


def _train_options(parser: argparse.ArgumentParser) -> None:
    _word_options(parser, "none, give one", readout="8", rounding=False)
    options.add_input(
        parser,
        "--start",
        metavar="FILE",
        help="float network to start from (default: the shipped one)",
    )
    options.add_count(parser, "updates", None, "meta-updates (default: 400)")
    parser.add_argument(
        "--lr", type=float, metavar="X", help="learning rate at the start (default: 0.0005)"
    )
    options.add_count(parser, "episodes", 100, "test episodes", 2)
    parser.add_argument("--force", action="store_true", help="overwrite the run in --out")
    options.add_output(
        parser,
        "--out",
        kind=outputs.RUN,
        metavar="DIR",
        help="run folder (default: runs/chip-<bits>-<number>)",
    )
    options.add_input(
        parser,
        "--resume",
        metavar="DIR",
        help="resume the run in this folder, with its own settings",
    )
    _ground_options(parser, "everything random")
    options.add_workers(parser)


def _metatrain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--word-bits",
        type=options.whole_numbers,
        default=(16,),
        metavar="A,B,…",
        help="bits of every stored word, 8 to 16; one or more (default: 16)",
    )
    options.add_count(parser, "updates", 120, "meta-updates")
    options.add_count(
        parser,
        "rate",
        512,
        "first step of the integers, in 65,536ths of the largest weight they begin with; smaller for "
        "long runs",
    )
    parser.add_argument(
        "--lr",
        type=float,
        default=0.005,
        metavar="X",
        help="first learning rate of the float network beside them (default: 0.005)",
    )
    options.add_count(parser, "seeds", 1, "how many seeds, from --seed on")
    options.add_count(parser, "episodes", 80, "episodes that test", 2)
    options.add_count(
        parser,
        "alphabets",
        0,
        "alphabets whose characters test, the first of the split's, whose recordings are made sooner; "
        "0: all",
        0,
    )
    parser.add_argument(
        "--split",
        choices=("val", "test"),
        default="test",
        help="whose characters test: validation to choose settings by (default: test)",
    )
    options.add_output(
        parser,
        "--out",
        kind=outputs.RUN,
        metavar="DIR",
        help="folder of the run (default: runs/metatrain-<number>)",
    )
    options.add_input(
        parser, "--resume", metavar="DIR", help="go on with the run in this folder, as it was begun"
    )
    options.add_output(
        parser,
        "--json",
        kind=outputs.json_of("minisnn hardware metatrain"),
        metavar="OUT",
        help="write the numbers, as records of results have them, to this file",
    )
    options.add_seed(parser, "weights, tasks and rounding")
    options.add_quiet(parser)
    options.add_threads(parser)


def _word_options(
    parser, bits: str, metavar: str = "N", readout: str | None = None, rounding: bool = True
) -> None:
    """Of the words; `bits` and `readout` say what is taken where nothing is given."""
    words = parser.add_argument_group("words of the fixed-point model")
    words.add_argument(
        "--bits",
        type=options.whole_numbers,
        default=(),
        metavar=metavar,
        help=f"weight bits of the conv layers, 2 to 8 (default: {bits})",
    )
    if readout is not None:
        options.add_count(
            words, "readout-bits", None, f"weight bits of the readout (default: {readout})", 2
        )
    if rounding:
        options.add_count(words, "fraction", 12, "fraction bits of postsynaptic traces", 0, "F")
        for name, text in (("traces", "of the trace filters"), ("membrane", "on the way to u")):
            words.add_argument(
                f"--{name}",
                choices=("floor", "zero", "nearest"),
                default="floor",
                help=f"rounding {text} (default: floor)",
            )
        words.add_argument(
            "--strict", action="store_true", help="stop where a number leaves its word"
        )


def _ground_options(parser, of: str) -> None:
    options.add_seed(parser, of)
    options.add_input(
        parser,
        "--root",
        metavar="DIR",
        help="folder of real N-MNIST recordings (default: simulated ones)",
    )
    options.add_quiet(parser)
    options.add_threads(parser)


def _exported(args: argparse.Namespace) -> outputs.Kind | None:
    for path in filter(None, (args.folder, args.out)):
        outputs.check_no_network(Path(path), "the folder")
    return outputs.FOLDER


def _a_page(args: argparse.Namespace) -> outputs.Kind:
    outputs.check_no_network(Path(args.file), "the page")
    return outputs.PAGE


PARTS = {
    "compare": (
        compare_options,
        "float against fixed point on the same test episodes (the default)",
    ),
    "classes": (
        _classes_options,
        "how many classes a device holds apart: 5 to all of a set, at once and one by one",
    ),
    "export": (
        _export_options,
        "a network as C header and .hex files, with the C library that runs it",
    ),
    "loihi": (
        _loihi_options,
        "a network of CubaLIF in a Loihi-style fixed-point model, beside itself in float",
    ),
    "metatrain": (
        _metatrain_options,
        "learn to learn by class means in integers alone, beside float on the same tasks",
    ),
    "page": (
        _page_options,
        "one web page: draw a symbol, watch its events, teach the network, test it",
    ),
    "refuse": (
        _refuse_options,
        'when to answer "none of these": a threshold by its false alarms on validation classes',
    ),
    "train": (_train_options, "meta-train a network for weights of few bits"),
}
