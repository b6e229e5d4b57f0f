"""The cases of networks.npz, which make_values.py makes: an array a field, all cases behind each
other, and FIELD.shapes (number of axes, shape) of each of them."""

import json
from pathlib import Path

import numpy as np

import minisnn as ms

PATH = Path(__file__).with_name("networks.npz")


def cases() -> dict[str, dict[str, np.ndarray]]:
    """{name of a network: its arrays}."""
    with np.load(PATH) as file:
        held = dict(file)
    names = held.pop("names").tolist()
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in names}
    for field in [field for field in held if not field.endswith(".shapes")]:
        axes, shapes = np.split(held[f"{field}.shapes"], [1], 1)
        ends = shapes.prod(1, dtype=int).cumsum()
        parts = np.split(held[field], ends[:-1])
        for name, part, number, shape in zip(names, parts, axes[:, 0], shapes):
            labels = field.startswith("y_") and number == 1
            part = part.astype(np.int64) if labels else part
            found[name][field] = part.reshape(shape[:number])
    return found


def write(cases: dict[str, dict[str, np.ndarray]]) -> None:
    held = {"names": np.array(list(cases))}
    for field in next(iter(cases.values())):
        arrays = [case[field] for case in cases.values()]
        held[field] = np.concatenate([a.ravel() for a in arrays])
        shapes = [[a.ndim, *a.shape, *[1] * (5 - a.ndim)] for a in arrays]
        held[f"{field}.shapes"] = np.array(shapes, "i2")
    np.savez_compressed(PATH, **held)


def network(case: dict, backend: str) -> ms.SpikingNet:
    settings = json.loads(str(case["net"]))
    return ms.SpikingNet.from_configuration(settings, dtype="float64", backend=backend)


def inner_loop(case: dict, net: ms.SpikingNet, steps: int) -> ms.InnerLoop:
    freeze = tuple(b.name for b, frozen in zip(net.blocks, case["freeze"]) if frozen)
    constants = bool(case["adapt_constants"])
    return ms.InnerLoop(float(case["step_size"]), steps, freeze, adapt_constants=constants)
