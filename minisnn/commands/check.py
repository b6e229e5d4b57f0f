"""`minisnn check`: prove the hand-written derivatives."""

from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from .. import outputs
from ..core.kinds import NEURONS, neuron_class
from ..files import write_json
from ..parallel.missing import announce
from ..parallel.threads import set_threads
from .options import CHECKPOINT, Force, Threads, idle

KINDS = {"snn" if kind == "lif" else kind: kind for kind in NEURONS}  # neurons by model
MODELS = {"both": ("snn", "cnn"), "all": (*KINDS, "cnn")}


def check(
    *,
    model: Annotated[
        Literal[*MODELS["all"], *MODELS],  # type: ignore[valid-type]
        "the spiking network, one of CubaLIF neurons, the CNN baseline on frames, snn and cnn "
        "(both), or all",
    ] = "all",
    random: Annotated[int | None, "check this many random architectures of each model"] = None,
    checkpoint: Annotated[
        Path | None, "FILE", f"check the network of a checkpoint at its parameters: {CHECKPOINT}"
    ] = None,
    channels: Annotated[tuple[int, ...], "widths of the conv layers, or none"] = (3, 4),
    input: Annotated[tuple[int, ...], "H,W,C", "shape of an input"] = (9, 8, 2),
    backend: Annotated[Literal["numba", "numpy"], "fast kernels or the reference"] = "numba",
    seed: Annotated[int, "seed of everything random"] = 0,
    json: Annotated[
        Path | None,
        "write every row of every report to this file",
        outputs.FILE,
    ] = None,
    force: Force = False,
    threads: Threads = None,
) -> int:
    """Prove the hand-written derivatives of the spiking network and of the CNN
    baseline: every function with its own backward pass and every layer by dual
    numbers, to rounding; slope and curvature of spikes, gradient, Hessian-vector
    product and meta-gradients (MAML, ANIL) by finite differences; compiled kernels
    by the reference, too. Exits with 1 and names the derivative where one is wrong.

    examples:
      minisnn check                              five small networks
      minisnn check --model cnn --channels 4,8   only the CNN baseline
      minisnn check --random 20 --seed 1         twenty networks of each model
      minisnn check --checkpoint runs/quick-1    at a trained network's parameters
      minisnn check --backend numpy              the readable reference
    """
    set_threads(threads)
    import numpy as np

    from .. import gradcheck
    from ..network.convolutional import ConvNet
    from ..network.spiking import SpikingNet
    from ..training.checkpoint import read

    models = MODELS.get(model, (model,))
    pools = ("max", "mean") if channels else ("max",)
    shape: dict[str, Any] = dict(input_shape=input, channels=channels, ways=3, kernel=3)
    how: dict[str, Any] = dict(dtype="float64", backend=backend)
    cases: list[tuple[Any, Any]] = []
    if checkpoint is not None:
        idle("with --checkpoint, whose network it is", random=random)
        found = read(checkpoint, **how)
        cases = [(found.net, found.theta)]
    elif random is not None:
        for name in models:
            for child in np.random.SeedSequence(seed).spawn(random):
                case = gradcheck.random_case(np.random.default_rng(child), backend, name)
                cases.append((case.net, case.theta))
    else:
        cases += [
            (
                SpikingNet(
                    **shape, **how, pool=pool, neuron=neuron_class(KINDS[name])(), window=12
                ),
                None,
            )
            for name in models
            if name in KINDS
            for pool in pools
        ]
        cases += [(ConvNet(**shape, **how), None)] * ("cnn" in models)
    announce()
    networks: list[dict[str, Any]] = []
    for net, theta in cases:
        report = gradcheck.check(net, theta, seed=seed)
        brief = random is not None and report.ok
        print(f"{net!r}: {report.summary()}" if brief else f"{report}\n")
        rows = [asdict(row) for row in report.results]
        for row in rows:  # JSON has no NaN, no infinity
            row["error"] = row["error"] if isfinite(row["error"]) else None
        networks.append({"network": report.title, "ok": report.ok, "rows": rows})
    if json is not None:
        write_json(json, {"networks": networks})
    passed = sum(network["ok"] for network in networks)
    print(f"{passed} of {len(networks)} network{'s' * (len(networks) != 1)} passed")
    return int(passed != len(networks))
