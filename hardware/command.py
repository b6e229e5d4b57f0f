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
from minisnn.commands.studies import OUT, check_place, study_maker, write

from .options import CUBA, PARTS, SYMBOLS, compare_options

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
SHIPPED = "double_nmnist_maml.h5"
# how a network learns that was meta-trained for its class means
MEANS = dict(rule="class-mean", rounding="nearest")
PLACES = {"export": {"folder": None}, "page": {"file": "page.html"}}  # arguments without a flag
# what a run that is resumed may be given
GOES_ON = (
    "resume",
    "quiet",
    "threads",
    "workers",
    "scheduler",
)


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
    compare_options(parser)
    options.only_given(parser)
    parser.set_defaults(defaults=defaults)


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
    from .chip.words import Words

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

    from .chip.network import IntegerNet
    from .chip.words import trained_for

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
            # what no command can open is refused
            read(options.find_checkpoint(args.start)).to_open(args.start, None, args.root)
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
    """`python -m minisnn.hardware`, the same as `minisnn hardware`."""
    import sys

    from minisnn.cli import main as command_line

    sys.argv.insert(1, "hardware")
    return command_line()
