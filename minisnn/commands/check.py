"""Prove the hand-written derivatives of the spiking network and of the CNN baseline: every pass of
every layer, the gradient, the Hessian-vector product and the meta-gradients (MAML, ANIL). The
proofs are finite differences of the jet form, adjoint and symmetry tests, and Taylor's theorem.
Exits with 1 where a check fails, and names the layer and the pass to blame."""

import argparse
from dataclasses import asdict
from math import isfinite

from .. import outputs
from . import options
from ..files import write_json
from ..parallel.compilation import announce
from ..core.neuron import CubaLIF
from ..core.neuron import LIF

EXAMPLES = """\
examples:
  minisnn check                              five small networks
  minisnn check --model cnn --channels 4,8   the CNN baseline alone
  minisnn check --random 20 --seed 1         twenty random networks of each model
  minisnn check --channels 4,8 --pool mean --plot v.png
  minisnn check --checkpoint runs/quick-1    at a trained network's parameters
  minisnn check --backend numpy --full       the readable reference, every row"""
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
    parser.add_argument(
        "--thorough", action="store_true", help="try every step size, report the best error"
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="print every row of the report, not only the worst of each pass",
    )
    options.add_output(
        parser,
        "--json",
        kind=outputs.json_of("minisnn check"),
        metavar="OUT",
        help="write every row of every report to this file",
    )
    options.add_output(
        parser,
        "--plot",
        kind=outputs.PICTURE,
        metavar="FILE",
        help="draw the error against the step size (.png, .svg)",
    )
    options.add_threads(parser)


def run(args: argparse.Namespace) -> int:
    options.use_threads(args.threads)
    if args.plot is not None and args.plot.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(
            f"--plot is {args.plot}, expected a name that ends with .png, .svg or .pdf"
        )
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
    failed, first, rows = 0, None, []
    for cases, (net, theta, task, step_size) in enumerate(_cases(args), 1):
        report = gradcheck.check(
            net, theta, seed=args.seed, task=task, step_size=step_size, thorough=args.thorough
        )
        if args.full:
            print(f"{report.title}\n{report.table()}\n{report.summary()}\n")
        elif args.random and report.ok:
            print(f"{net!r}: {report.summary()}")
        else:
            print(f"{report}\n")
        failed += not report.ok
        rows.append(
            dict(
                network=repr(net),
                ok=report.ok,
                rows=[
                    {
                        **asdict(r),
                        "error": r.error if isfinite(r.error) else None,
                        "verdict": r.verdict,
                    }
                    for r in report.results
                ],
            )
        )
        first = first or (net, theta, task)
    if args.json is not None:
        write_json(args.json, outputs.made_by("minisnn check", dict(networks=rows)))
    if args.plot is not None:
        _plot(args, *first)
        print(f"error against step size: {args.plot}")
    print(f"{cases - failed} of {cases} network{'s' * (cases != 1)} passed")
    return 1 if failed else 0


def _cases(args: argparse.Namespace):
    """(network, theta or None, task or None, step size or None) of everything to check."""
    import numpy as np

    from ..network.convolutional import ConvNet
    from ..gradcheck import random_case
    from ..network.spiking import SpikingNet

    models = {"both": ("snn", "cnn"), "all": ("snn", "cuba", "cnn")}.get(args.model, (args.model,))
    if args.checkpoint is not None:
        from ..training.checkpoint import read

        found = read(
            options.find_checkpoint(args.checkpoint), dtype="float64", backend=args.backend
        )
        yield found.net, found.theta, None, None
    elif args.random:
        for model in models:
            for child in np.random.SeedSequence(args.seed).spawn(args.random):
                case = random_case(np.random.default_rng(child), args.backend, model)
                yield case.net, case.theta, case.task, case.step_size
    else:
        shape = args.input[0] if len(args.input) == 1 else args.input
        common = dict(dtype="float64", hidden=args.hidden, backend=args.backend)
        more = dict(window=args.window, detach_reset=args.detach_reset, **common)
        for neuron in [
            neuron for model, neuron in (("snn", LIF()), ("cuba", CubaLIF())) if model in models
        ]:
            for pool in (args.pool,) if args.pool or not args.channels else ("max", "mean"):
                yield (
                    SpikingNet(
                        shape, args.channels, args.ways, args.kernel, pool or "max", neuron, **more
                    ),
                    None,
                    None,
                    None,
                )
        if "cnn" in models:
            yield ConvNet(shape, args.channels, args.ways, args.kernel, **common), None, None, None


def _plot(args: argparse.Namespace, net, theta, task) -> None:
    import numpy as np

    from ..gradcheck import plot_steps, random_data, random_theta, step_curve

    rng = np.random.default_rng(args.seed)
    theta = random_theta(net, rng) if theta is None else theta
    x, y = (task.x_support, task.y_support) if task is not None else random_data(net, rng)
    plot_steps(step_curve(net, theta, x, y, seed=args.seed), args.plot)
