"""Context for the accuracy of many classes: the memory that a device needs, and published
results."""

from minisnn.data.sets.recordings import Recordings
from minisnn.data.store.shipped import shipped
from minisnn.experiments.findings import Table, figure
from minisnn.files import read_json

from ..c import export
from ..chip.learner import Learner
from ..chip.network import IntegerNet
from .classes import How


def memory(chip: IntegerNet, learner: Learner, tasks: Recordings, how: How) -> tuple[dict, int]:
    """Return ({number of classes: bytes of RAM in the small build}, bytes per class)."""
    several = (*how.ways, 1000, 1004)
    of = {n: export.memory(chip, learner, tasks.pool.shape[0], n)["small"] for n in several}
    return {n: of[n] for n in how.ways}, of[1004] - of[1000] >> 2


def table(chip: IntegerNet, sizes: dict[int, int], each: int) -> Table:
    """Format the bytes that a device needs for each number of classes, as `memory` returns them."""
    flash = sum(layer.weight.size for layer in chip.layers)
    rows = [[str(n), f"{size:,}"] for n, size in sizes.items()]
    note = f"A class takes {each:,} bytes, whatever its shots; weights {flash:,} bytes of flash."
    header = ["classes", "RAM of the small build (bytes)"]
    return Table("cost", "What a device needs, no energy claimed", header, rows, note)


def figures(sizes: dict[int, int], each: int) -> dict[str, dict]:
    """Return the table's numbers by name."""
    found = {f"ram-{n}": figure(size, "") for n, size in sizes.items()}
    return found | {"class-bytes": figure(each, "")}


def published() -> list[tuple[int, int, float]]:
    """Return (classes, shots, accuracy in %) for Chameleon, a chip that learns new classes by class
    means (den Blanken & Frenkel 2025)."""
    known = read_json(shipped("results") / "literature.json")
    found = []
    for name, one in known.items():
        source, *numbers = name.split("-")
        if source == "chameleon2025":
            ways, shots = map(int, numbers)
            found.append((ways, shots, float(one["value"].removesuffix(" %"))))
    return found
