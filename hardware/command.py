"""The meta-trained network learns in integers, as an edge chip would: one recording of each
class, one update of a few bits a weight. Prints float against fixed point on the same
seeded test episodes; `--ranges` shows what every word can come to hold, `export` writes a
C header, .hex files and a C program that repeats inference and learning, and `train`
meta-trains the network for the few bits that the chip has."""

import argparse
from pathlib import Path

from minisnn.commands.options import count, find_checkpoint, whole_numbers
from minisnn.commands.studies import add_study, study_maker

SUMMARY = "learn in integers: float against fixed point, word lengths, export to C"
EXAMPLES = """\
examples:
  minisnn hardware --episodes 100               float against 8, 4, 3 and 2 bits
  minisnn hardware --bits 4 --root ~/N-MNIST    4 bits, on real recordings
  minisnn hardware --ranges --episodes 10       interval analysis, saturations counted
  minisnn hardware export --bits 4 --out chip   C header, .hex files, C reference
  minisnn hardware train --bits 2 --out runs/chip-2
                                                meta-train for 2 bits; --resume DIR goes on"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=("compare", "export", "train"),
        default="compare",
        help="compare with floating point (default), export to C, or meta-train for the chip",
    )
    words = parser.add_argument_group("words of the chip")
    words.add_argument(
        "--bits",
        type=whole_numbers,
        default=(8, 4, 3, 2),
        metavar="A,B,…",
        help="weight bits of the conv layers, 2 to 8 (default: 8,4,3,2); export and train take one",
    )
    words.add_argument(
        "--fraction", type=count(0), default=12, metavar="F", help="fraction bits of postsynaptic traces (default: 12)"
    )
    for name, text in (("traces", "of the trace filters"), ("membrane", "on the way to u")):
        words.add_argument(
            f"--{name}", choices=("floor", "zero", "nearest"), default="floor", help=f"rounding {text} (default: floor)"
        )
    words.add_argument("--strict", action="store_true", help="stop where a number leaves its word")
    parser.add_argument("--ranges", action="store_true", help="print the interval analysis and the saturations of the episodes")
    parser.add_argument("--picojoule", metavar="ADD,MULTIPLY", help="energy of an operation (default: 0.1,3.1; Horowitz 2014)")
    parser.add_argument("--checkpoint", metavar="FILE", help="network to export (default: the shipped one)")
    run = parser.add_argument_group("train")
    run.add_argument("--readout-bits", type=count(2), default=8, metavar="N", help="weight bits of the readout (default: 8)")
    run.add_argument("--start", metavar="FILE", help="float network to start from (default: the shipped one)")
    run.add_argument("--updates", type=count(1), metavar="N", help="meta-updates (default: 400)")
    run.add_argument("--lr", type=float, metavar="X", help="learning rate at the start (default: 0.0005)")
    run.add_argument("--resume", metavar="DIR", help="go on with the run in this folder, with its own settings")
    run.add_argument("--force", action="store_true", help="overwrite a run that lies in --out")
    add_study(parser, 100)


def run(args: argparse.Namespace) -> None:
    from .chip.network import Words

    words = Words(fraction=args.fraction, traces=args.traces, membrane=args.membrane, strict=args.strict)
    if not args.bits or not all(2 <= b <= 8 for b in args.bits):
        raise ValueError(f"--bits must be numbers from 2 to 8, not {','.join(map(str, args.bits)) or 'none'}")
    if args.what == "export":
        return _export(args, words)
    if args.what == "train":
        return _train(args)
    joules = None
    if args.picojoule is not None:
        try:
            joules = tuple(float(part) for part in args.picojoule.split(","))
            if len(joules) != 2 or min(joules) < 0:
                raise ValueError
        except ValueError:
            raise ValueError(f"--picojoule takes two numbers ADD,MULTIPLY from 0 on, not {args.picojoule!r}") from None
    with study_maker(args) as make:
        study = make("hardware")
        if args.ranges:
            return _ranges(study, words, args.bits)
        from .study.compare import run as compare

        try:
            found = compare(study, words, args.bits, joules)
        except KeyboardInterrupt as signal:
            raise KeyboardInterrupt(
                f"stopped; what was measured is kept in {study.out / 'records'}, the same command goes on"
            ) from signal
    found.settings = study.describe()
    found.write(study.folder)
    found.tables = [table for table in found.tables if table.name != "all"]
    print(found.text())
    print(f"\nnumbers and figures, every combination too: {study.folder}")


def _ranges(study, words, bits) -> None:
    """The interval analysis of every word length, and what was clipped in the episodes."""
    import numpy as np

    from .study.compare import Choice, Comparison

    comparison = Comparison(study, words, bits)
    for b in bits:
        choice = Choice(b)
        chip = comparison.chip(b, choice)
        print(
            f"{b} bits: {'layer':<10}{'quantity':<18}{'lowest':>13}{'highest':>13}{'signed bits':>13}{'any weights':>13}"
            f"{'exponent':>11}"
        )
        for layer in chip.layers:
            for name, bound in chip.bounds[layer.name].items():
                print(
                    f"        {layer.name:<10}{name:<18}{bound.low:>13,}{bound.high:>13,}{bound.bits:>13}{bound.any_bits:>13}"
                    f"{layer.exponent:>11}"
                )
        for index in range(study.settings.episodes):
            task, n = comparison.task(index), chip.ways
            p = chip.traces(chip.spikes(np.concatenate([task.x_support, task.x_query])))
            from .chip.learner import learn

            new = learn(chip, choice.learner(comparison.steps, 1 + index), p[:n], task.y_support)
            chip.membranes(p[n:], new.weight, new.bias)
        counts = ", ".join(f"{place} {number:,}" for place, number in chip.saturations.items() if number) or "none"
        print(f"        saturations in {study.settings.episodes} episodes (theta: when it was quantised): {counts}\n")


def _export(args: argparse.Namespace, words) -> None:
    from dataclasses import replace

    from minisnn.training.checkpoint import read
    from minisnn.meta.inner import InnerLoop

    from .c.export import write
    from .chip.learner import Learner, readout_exponent, steps_of
    from .chip.network import IntegerNet

    found = read(find_checkpoint(args.checkpoint or "double_nmnist_maml.h5"))
    bits = args.bits[0]
    steps = steps_of(found.net, found.inner or InnerLoop(), found.net.ways)
    exponent = readout_exponent(steps["log2_weight"], bits)
    chip = IntegerNet(found.net, found.theta, replace(words, weight_bits=bits, readout_bits=bits), exponent)
    from minisnn.training.evaluation import open_set

    tasks, out = open_set("double-nmnist", "test", args.root, progress=not args.quiet), Path(args.out)
    task = tasks.episode(args.seed, 0, found.net.ways, 1, 1)
    for path in write(out, chip, Learner(seed=1, **steps), task.x_support, task.y_support, task.x_query):
        print(path)
    print(f"test it: cc -O2 -o {out / 'selftest'} {out / 'chip.c'} && {out / 'selftest'} {out / 'selftest.bin'}")


def _train(args: argparse.Namespace) -> None:
    from minisnn.commands.options import executor_of, use_threads
    from minisnn.commands.studies import OUT
    from minisnn.training.folder import RunFolder, free_folder, read_json

    from .training.run import ChipConfig, settings, train

    use_threads(args.threads)
    names = dict(start=args.start, updates=args.updates, lr=args.lr, root=args.root)
    changes = {name: value for name, value in names.items() if value is not None}
    if args.resume is not None:
        if changes or args.force or args.out != OUT:
            raise ValueError(f"--resume goes on with the settings of {args.resume}; leave out others")
        out, config = Path(args.resume), RunFolder(args.resume).config()
        found = read_json(out / "chip.json") if (out / "chip.json").is_file() else {}
        chip = ChipConfig(found.get("bits", 2), found.get("readout_bits", 8))
    else:
        if len(args.bits) != 1:
            raise ValueError("train takes one number of --bits, such as --bits 2")
        chip = ChipConfig(args.bits[0], args.readout_bits)
        out = free_folder(f"chip-{chip.bits}") if args.out == OUT else args.out
        if args.start is not None:
            from minisnn.training.checkpoint import read

            configuration = read(find_checkpoint(args.start)).net.configuration()
            changes.update(
                {name: configuration[name] for name in ("ways", "kernel", "pool", "window", "backend")},
                channels=tuple(configuration["channels"]),
            )
        config = settings(seed=args.seed, test_episodes=args.episodes, **changes)
    with executor_of(args) as executor:
        result = train(config, chip, out, args.resume is not None, not args.quiet, force=args.force, executor=executor)
    if not result:
        print(f"trained; run folder {out}: network.h5, checkpoint.h5, log.csv")
        return
    margin = f" ± {100 * result['ci95']:.1f}" if result["ci95"] is not None else ""
    print(
        f"integer chip of {chip.bits} bits ({chip.readout_bits} in the readout): {100 * result['accuracy']:.1f}{margin} % on "
        f"{result['episodes']} unseen episodes\nrun folder {out}: network.h5, chip-result.json, checkpoint.h5, log.csv"
    )


def main() -> int:
    """`python -m hardware`, the same as `minisnn hardware`."""
    import sys

    from minisnn.cli import main as command_line

    sys.argv.insert(1, "hardware")
    return command_line()
