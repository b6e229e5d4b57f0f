"""The meta-trained network learns in integers, as an edge chip would: one recording of each
class, one update, a few bits for each weight. Prints float against fixed point on the same
seeded test episodes. `--ranges` shows the values that every word can reach. `export` writes
a C header, .hex files and the C library that repeats inference and learning. `train`
meta-trains the network for weights of few bits."""

import argparse
import math
from pathlib import Path

from minisnn import outputs
from minisnn.commands import options
from minisnn.files import write_whole
from minisnn.commands.studies import OUT, add_study, check_place, study_maker, write

SUMMARY = "learn in integers: compare float and fixed point, export to C"
EXAMPLES = """\
examples:
  minisnn hardware --episodes 100               float against 8, 4, 3 and 2 bits
  minisnn hardware --bits 4 --root ~/N-MNIST    4 bits, on real recordings
  minisnn hardware --ranges --episodes 10       interval analysis, saturations counted
  minisnn hardware export --bits 4 chip         C header, .hex, C library
  minisnn hardware export --for arduino chip    the same as an Arduino library
  minisnn hardware page teach.html              draw and teach in a browser
  minisnn hardware loihi --episodes 600 --words words.npz
                                                CubaLIF in a Loihi-style fixed-point model
  minisnn hardware train --bits 2 --out runs/chip-2
                                                meta-train for 2 bits; --resume DIR continues"""
SHIPPED, CUBA, SYMBOLS = "double_nmnist_maml.h5", "double_nmnist_cuba.h5", "omniglot_prototypes.h5"
MEANS = dict(
    rule="class-mean", rounding="nearest"
)  # how a network learns that was meta-trained for its class means
PLACES = {"export": {"folder": None}, "page": {"file": "page.html"}}  # arguments without a flag
FOR = "what for: C (the default), an Arduino library, WebAssembly, or the page"
GOES_ON = (
    "resume",
    "quiet",
    "threads",
    "workers",
    "scheduler",
)  # what a run that is resumed may be given


def arguments(parser: argparse.ArgumentParser) -> None:
    """A parser a sub-command; where none is named it is `compare`, whose options stand before its
    name, too.

    The namespace holds what was given and nothing else, so that `run` can refuse what does not
    apply.
    """
    named = "{" + ",".join(PARTS) + "}"
    parts = parser.add_subparsers(dest="what", metavar=named, title="what to do")
    defaults = {}
    for name, (add, help) in PARTS.items():
        layout = dict(epilog=EXAMPLES, formatter_class=options.Help, allow_abbrev=False)
        part = parts.add_parser(name, help=help, description=help[0].upper() + help[1:], **layout)
        add(part)
        defaults[name] = {**options.only_given(part), **PLACES.get(name, {})}
    _compare_options(parser)
    options.only_given(parser)
    parser.set_defaults(defaults=defaults)


def _compare_options(parser: argparse.ArgumentParser) -> None:
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
    more: dict = dict(
        nargs="?", default=argparse.SUPPRESS, help=f"folder of the files (default: {OUT})"
    )
    options.add_output(parser, "folder", **more, **how)
    options.add_output(parser, "--out", help="the same", **how)
    _ground_options(parser, "the episode of the self-test")


def _loihi_options(parser: argparse.ArgumentParser) -> None:
    options.add_input(
        parser, "--checkpoint", metavar="FILE", help=f"network of CubaLIF (default: {CUBA})"
    )
    options.add_count(parser, "episodes", 100, "test episodes", 2)
    options.add_count(parser, "queries", 10, "query samples of each class")
    text = "write the model's integers, as Lava takes them, to an .npz"
    options.add_output(parser, "--words", kind=outputs.WORDS, metavar="FILE", help=text)
    text = "write the numbers, as minisnn results takes them, to this file"
    options.add_output(
        parser, "--json", kind=outputs.json_of("minisnn hardware loihi"), metavar="OUT", help=text
    )
    text = (
        "also learn from a readout of zero, one sample after the other, with this step (the "
        "nearest power of two)"
    )
    parser.add_argument("--step-size", type=float, metavar="X", help=text)
    _ground_options(parser, "the episodes")
    options.add_workers(parser)


def _page_options(parser: argparse.ArgumentParser) -> None:
    _word_options(
        parser, "those that the network was trained for, else 8", readout="those of --bits"
    )
    how: dict = dict(
        nargs="?",
        default=argparse.SUPPRESS,
        metavar="OUT.html",
        help="the page (default: page.html)",
    )
    options.add_output(parser, "file", kind=_a_page, **how)
    options.add_input(
        parser,
        "--checkpoint",
        metavar="FILE",
        help=f"network for single symbols (default: {SYMBOLS})",
    )
    options.add_seed(parser, "the noise of the camera")


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
    text = "run folder (default: runs/chip-<bits>-<number>)"
    options.add_output(parser, "--out", kind=outputs.RUN, metavar="DIR", help=text)
    options.add_input(
        parser,
        "--resume",
        metavar="DIR",
        help="resume the run in this folder, with its own settings",
    )
    _ground_options(parser, "everything random")
    options.add_workers(parser)


def _word_options(
    parser, bits: str, metavar: str = "N", readout: str | None = None, rounding: bool = True
) -> None:
    """Of the words; `bits` and `readout` say what is taken where nothing is given."""
    words = parser.add_argument_group("words of the fixed-point model")
    help = f"weight bits of the conv layers, 2 to 8 (default: {bits})"
    words.add_argument("--bits", type=options.whole_numbers, default=(), metavar=metavar, help=help)
    if readout is not None:
        options.add_count(
            words, "readout-bits", None, f"weight bits of the readout (default: {readout})", 2
        )
    if rounding:
        options.add_count(words, "fraction", 12, "fraction bits of postsynaptic traces", 0, "F")
        for name, text in (("traces", "of the trace filters"), ("membrane", "on the way to u")):
            help = f"rounding {text} (default: floor)"
            words.add_argument(
                f"--{name}", choices=("floor", "zero", "nearest"), default="floor", help=help
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
        _compare_options,
        "float against fixed point on the same test episodes (the default)",
    ),
    "export": (
        _export_options,
        "a network as C header and .hex files, with the C library that runs it",
    ),
    "loihi": (
        _loihi_options,
        "a network of CubaLIF in a Loihi-style fixed-point model, beside itself in float",
    ),
    "page": (
        _page_options,
        "one web page: draw a symbol, watch its events, teach the network, test it",
    ),
    "train": (_train_options, "meta-train a network for weights of few bits"),
}


def run(args: argparse.Namespace) -> None:
    what = args.what or "compare"
    defaults = args.defaults
    given = {
        name: getattr(args, name) for name in sorted(args.given) if name not in ("what", "defaults")
    }
    for name in given:
        if name not in defaults[what]:
            option = name.replace("_", "-")
            others = " and ".join(other for other in PARTS if name in defaults[other])
            raise ValueError(
                f"--{option} does not apply to minisnn hardware {what}; it is an option of {others}"
            )
    args = argparse.Namespace(**{**defaults[what], **given})
    args.bits = getattr(args, "bits", ())
    if not all(2 <= b <= 8 for b in args.bits) or ("bits" in given and not args.bits):
        raise ValueError(
            f"--bits must be numbers from 2 to 8, not {','.join(map(str, args.bits)) or 'none'}"
        )
    if (
        what in ("export", "page")
        and len(args.bits) > 1
        or what == "train"
        and len(args.bits) != 1
        and args.resume is None
    ):
        raise ValueError(f"{what} takes one number of --bits, such as --bits 2")
    options.use_threads(getattr(args, "threads", None))
    {"compare": _compare, "export": _export, "loihi": _loihi, "page": _page, "train": _train}[what](
        args, given
    )


def _words(args: argparse.Namespace, **bits):
    from .chip.network import Words

    return Words(
        fraction=args.fraction,
        traces=args.traces,
        membrane=args.membrane,
        strict=args.strict,
        **bits,
    )


def _compare(args: argparse.Namespace, given: dict) -> None:
    words = _words(args)
    joules = None
    bits = args.bits or (8, 4, 3, 2)
    if args.picojoule is not None:
        try:
            joules = tuple(float(part) for part in args.picojoule.split(","))
            if len(joules) != 2 or not all(math.isfinite(joule) and joule >= 0 for joule in joules):
                raise ValueError
        except ValueError:
            raise ValueError(
                f"--picojoule takes two numbers ADD,MULTIPLY from 0 on, not {args.picojoule!r}"
            ) from None
        if args.ranges:
            raise ValueError("--picojoule does not apply to --ranges, which counts no operations")
    with study_maker(args) as make:
        study = make("hardware-ranges" if args.ranges else "hardware")
        check_place(study, args.force)
        from .study import compare, ranges

        found = (
            ranges.run(study, words, bits)
            if args.ranges
            else compare.run(study, words, bits, joules)
        )
    found.settings = study.describe()
    write(found, study, args.force)
    found.tables = [table for table in found.tables if table.name != "all"]
    print(found.text())
    print(f"\nnumbers and figures{', every combination too' * (not args.ranges)}: {study.folder}")


def _chip(args: argparse.Namespace, given: dict, checkpoint: str):
    """(the checkpoint, its chip in the words of the command line); of CubaLIF it is Loihi's, whose
    words are fixed."""
    from minisnn.layers.cuba import CubaLIF
    from minisnn.training.checkpoint import read

    from .chip.network import IntegerNet, trained_for

    found = read(options.find_checkpoint(checkpoint))
    if isinstance(getattr(found.net, "neuron", None), CubaLIF):
        from .loihi.cuba import CubaNet

        for name in sorted(
            {"bits", "readout_bits", "fraction", "traces", "membrane", "strict"} & set(given)
        ):
            option = name.replace("_", "-")
            raise ValueError(
                f"--{option} does not apply to {checkpoint}, a network of CubaLIF: its words are "
                "Loihi's"
            )
        return found, CubaNet.of(found)
    known = trained_for(found.provenance.get("chip"))
    bits, readout_bits = args.bits * 2 or (known.get("bits", 8), known.get("readout_bits", 8))
    return found, IntegerNet.of(
        found, _words(args, weight_bits=bits, readout_bits=args.readout_bits or readout_bits)
    )


def _export(args: argparse.Namespace, given: dict) -> None:
    from minisnn.meta.prototypes import ClassMeans
    from minisnn.training.evaluation import open_set

    from .c import export
    from .chip.learner import learns_online

    if "folder" in given and "out" in given:
        raise ValueError("give the folder once, as DIR or as --out DIR")
    out = Path(args.folder or args.out or OUT)
    outputs.check(out, outputs.FOLDER, force=args.force)
    if args.kind == "page":
        for name in ("root", "quiet"):
            if name in given:
                raise ValueError(
                    f"--{name} would do nothing with --for page, which holds no episode; leave it "
                    "out"
                )
        out.mkdir(parents=True, exist_ok=True)
        outputs.check(out / "index.html", outputs.PAGE, force=args.force)
        _write_page(args, given, out / "index.html", args.checkpoint or SYMBOLS)
        return outputs.note(out, ["index.html"])
    found, chip = _chip(args, given, args.checkpoint or SHIPPED)
    dataset, root = found.to_open(args.checkpoint or SHIPPED, None, args.root)
    tasks = open_set(
        dataset, "test", root, progress=not args.quiet, **found.origin.options(dataset)
    )
    task = tasks.episode(args.seed, 0, chip.ways, 1, 1)
    learner = chip.learner(
        seed=1,
        **(
            MEANS
            if isinstance(found.inner, ClassMeans)
            else dict(online=learns_online(found.inner))
        ),
    )
    samples = task.x_support, task.y_support, task.x_query
    for path in export.write(out, chip, learner, *samples, args.kind, args.force):
        print(path)
    for build, size in export.memory(chip, learner, task.x_support.shape[1]).items():
        print(
            f"memory of the {build} build: {size:,} bytes, "
            f"{sum(layer.weight.size for layer in chip.layers):,} in flash"
        )
    print(
        {"c": f"test it: make -C {out} test", "wasm": f"test it: make -C {out} test-wasm"}.get(
            args.kind, "example: teach"
        )
    )


def _page(args: argparse.Namespace, given: dict) -> None:
    _write_page(args, given, Path(args.file), args.checkpoint or SYMBOLS)


def _write_page(args: argparse.Namespace, given: dict, path: Path, checkpoint: str) -> None:
    from .page.make import page

    text = page(_chip(args, given, checkpoint)[1], seed=args.seed).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    print(f"{path}: {len(text):,} bytes; open it in a browser")


def _loihi(args: argparse.Namespace, given: dict) -> None:
    from minisnn.training.checkpoint import read
    from minisnn.training.evaluation import ALIGNED, alignment, open_set
    from minisnn.training.folder import write_json

    from .loihi import measure
    from .loihi.cuba import CubaNet

    name = args.checkpoint or CUBA
    found = read(options.find_checkpoint(name))
    dataset, root = found.to_open(name, None, args.root)
    if found.inner is None:
        raise ValueError(
            f"{name}: nothing says how this network adapts; expected a checkpoint of a run"
        )
    chip = CubaNet.of(found)
    if args.words is not None:
        measure.write_words(args.words, chip)
        print(
            f"{args.words}: weights, axons, thresholds and decays of {len(chip.vth)} layers in "
            "Loihi's words"
        )
    tasks = open_set(dataset, "test", root, progress=not args.quiet)
    with options.executor_of(args) as executor:
        values = measure.run(
            found, tasks, args.episodes, args.seed, args.queries, executor, args.step_size
        )
    table = measure.table(values, ALIGNED[alignment(tasks)])
    if args.json is not None:
        made = dict(figures=measure.figures(values), more=dict(tables=[vars(table)]))
        write_json(args.json, outputs.made_by("minisnn hardware loihi", made))
    print(table.text())


def _train(args: argparse.Namespace, given: dict) -> None:
    from minisnn.training.checkpoint import read
    from minisnn.training.folder import RunFolder, free_folder

    from .training.run import ChipConfig, settings, train

    if args.resume is not None:
        others = ", ".join(f"--{name.replace('_', '-')}" for name in given if name not in GOES_ON)
        if others:
            raise ValueError(f"--resume keeps the settings of {args.resume}; leave out {others}")
        out = Path(args.resume)
        config = RunFolder(args.resume).config()
        chip = None
    else:
        chip = ChipConfig(args.bits[0], args.readout_bits or 8)
        out = args.out or free_folder(f"chip-{chip.bits}")
        changes = {
            name: given[name] for name in ("start", "updates", "lr", "root") if name in given
        }
        if args.start is not None:
            read(options.find_checkpoint(args.start)).to_open(
                args.start, None, args.root
            )  # what no command can open is refused
        config = settings(seed=args.seed, test_episodes=args.episodes, **changes)
    with options.executor_of(args) as executor:
        result = train(
            config, chip, out, chip is None, not args.quiet, force=args.force, executor=executor
        )
    if not result:
        print(f"trained; run folder {out}: network.h5, checkpoint.h5, log.csv")
        return
    interval = result["interval"]
    right = f"{100 * result['accuracy']:.1f}"
    words = f"{result['bits']} bits ({result['readout_bits']} in the readout)"
    margin = f" ± {100 * interval['half']:.1f}" if interval else ""
    whom = f" (95 % interval, for {interval['population']})" if interval else ""
    print(
        f"integer chip of {words}: {right}{margin} % on {result['episodes']} unseen episodes{whom}"
    )
    print(f"run folder {out}: network.h5, chip-result.json, checkpoint.h5, log.csv")


def main() -> int:
    """`python -m hardware`, the same as `minisnn hardware`."""
    import sys

    from minisnn.cli import main as command_line

    sys.argv.insert(1, "hardware")
    return command_line()
