"""Prove the hand-written derivatives of the spiking network and of the CNN baseline: every function
with a backward pass of its own and every layer by dual numbers, to rounding; slope and curvature of
spikes, gradient, Hessian-vector product and meta-gradients (MAML, ANIL) by finite differences; compiled
kernels by the reference, too. Exits with 1 where one is wrong, and names it."""

import argparse
from dataclasses import asdict
from math import isfinite
from typing import Any

from .. import outputs
from ..files import write_json
from ..parallel.compilation import announce
from . import options

EXAMPLES = """\
examples:
  minisnn check                              five small networks
  minisnn check --model cnn --channels 4,8   the CNN baseline alone
  minisnn check --random 20 --seed 1         twenty random networks of each model
  minisnn check --checkpoint runs/quick-1    at a trained network's parameters
  minisnn check --backend numpy              the readable reference"""
SHAPE = ("input", "channels", "hidden", "ways", "kernel", "window", "pool", "detach_reset")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        choices=("snn", "cuba", "cnn", "both", "all"),
        default="all",
        help="the spiking network, one of CubaLIF neurons, the CNN baseline on frames, snn and cnn "
        "(both), or all three (default)",
    )
    options.add_count(parser, "random", None, "check this many random architectures of each model")
    options.add_checkpoint(parser, "check the network of a checkpoint at its parameters")
    options.add_list(parser, "input", (9, 8, 2), "shape of an input (default: 9,8,2)", "H,W,C")
    options.add_list(
        parser, "channels", (3, 4), "widths of the conv layers, or none (default: 3,4)"
    )
    options.add_list(
        parser, "hidden", (), "widths of dense layers before the readout (default: none)"
    )
    options.add_count(parser, "ways", 3, "classes", 2)
    options.add_count(parser, "kernel", 3, "size of the conv kernels")
    options.add_count(parser, "window", 12, "gradient window in time steps")
    parser.add_argument(
        "--pool",
        choices=("max", "mean"),
        help="pooling of the spiking network (default: check both)",
    )
    parser.add_argument("--detach-reset", action="store_true", help="no gradient through its reset")
    parser.add_argument(
        "--backend",
        choices=("numba", "numpy"),
        default="numba",
        help="fast kernels or the readable reference (default: numba)",
    )
    options.add_seed(parser, "everything random")
    options.add_output(
        parser,
        "--json",
        kind=outputs.json_of("minisnn check"),
        metavar="OUT",
        help="write every row of every report to this file",
    )
    options.add_threads(parser)


def run(args: argparse.Namespace) -> int:
    options.use_threads(args.threads)
    if args.checkpoint is not None:
        options.refuse(args, "with --checkpoint, whose network it is", "model", "random", *SHAPE)
    if args.random is not None:
        options.refuse(args, "with --random, which draws them", *SHAPE)
    if args.model == "cnn":
        options.refuse(
            args,
            "with --model cnn, which has max pooling, no window and no reset",
            "pool",
            "window",
            "detach_reset",
        )
    if not args.channels:
        options.refuse(args, "without conv layers", "kernel", "pool")
    from .. import gradcheck

    announce()
    reports = []
    for net, theta in _cases(args):
        report = gradcheck.check(net, theta, seed=args.seed)
        if args.random and report.ok:
            print(f"{net!r}: {report.summary()}")
        else:
            print(f"{report}\n")
        reports.append(report)
    if args.json is not None:
        networks = [
            {"network": report.title, "ok": report.ok, "rows": list(map(_row, report.results))}
            for report in reports
        ]
        write_json(args.json, outputs.made_by("minisnn check", {"networks": networks}))
    passed = sum(report.ok for report in reports)
    print(f"{passed} of {len(reports)} network{'s' * (len(reports) != 1)} passed")
    return 0 if passed == len(reports) else 1


def _row(result: Any) -> dict[str, Any]:
    """A result as JSON has it: no NaN, no infinity."""
    return {**asdict(result), "error": result.error if isfinite(result.error) else None}


def _cases(args: argparse.Namespace):
    """(network, theta or None) of everything to check."""
    import numpy as np

    from ..network.convolutional import ConvNet
    from ..core.neuron import LIF, CubaLIF
    from ..network.spiking import SpikingNet
    from ..gradcheck import random_case

    models = {"both": ("snn", "cnn"), "all": ("snn", "cuba", "cnn")}.get(args.model, (args.model,))
    if args.checkpoint is not None:
        from ..training.checkpoint import read

        path = options.find_checkpoint(args.checkpoint)
        found = read(path, dtype="float64", backend=args.backend)
        yield found.net, found.theta
        return
    if args.random:
        for model in models:
            for child in np.random.SeedSequence(args.seed).spawn(args.random):
                case = random_case(np.random.default_rng(child), args.backend, model)
                yield case.net, case.theta
        return
    shape = args.input[0] if len(args.input) == 1 else args.input
    size = shape, args.channels, args.ways, args.kernel
    common = dict(dtype="float64", hidden=args.hidden, backend=args.backend)
    more = dict(window=args.window, detach_reset=args.detach_reset, **common)
    pools = (args.pool,) if args.pool else ("max", "mean") if args.channels else ("max",)
    for model, neuron in (("snn", LIF()), ("cuba", CubaLIF())):
        for pool in pools if model in models else ():
            yield SpikingNet(*size, pool, neuron, **more), None
    if "cnn" in models:
        yield ConvNet(*size, **common), None
