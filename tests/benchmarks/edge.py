"""What the benchmarks of hardware/ share: a checkpoint as integers, how it learns, and its tasks."""

import sys
from pathlib import Path
from typing import NamedTuple

import minisnn as ms
from minisnn import Recordings
from minisnn.hardware import Learner, IntegerNet, CubaNet

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "hardware"), str(TESTS)]  # for what the tests and these share


class Device(NamedTuple):
    """A checkpoint, its integers, its learner, and its tasks for testing."""

    found: ms.Checkpoint
    chip: IntegerNet
    learner: Learner
    tasks: Recordings


def device(checkpoint: str, seed: int = 1) -> Device:
    """Of a checkpoint, learning as `minisnn hardware export` has it; on one thread."""
    ms.set_threads(1)
    found = ms.read(checkpoint)
    chip = (CubaNet if isinstance(found.net.neuron, ms.CubaLIF) else IntegerNet).of(found)
    how = dict(online=found.inner.online)
    if isinstance(found.inner, ms.ClassMeans):
        how = dict(rule="class-mean", rounding="nearest")
    dataset, root = found.to_open(checkpoint, None, None)
    tasks = ms.open_set(dataset, "test", root, progress=False, **found.origin.options(dataset))
    return Device(found, chip, chip.learner(seed=seed, **how), tasks)
