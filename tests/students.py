"""A student's own library: a file mysnn.py with answers to the course's exercises."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from checks import mine


def write(folder: Path, answers: Mapping[str, str]) -> Path:
    """The file of a student who solved these exercises."""
    text = mine.PRELUDE
    for number in mine.PARTS:
        if number in answers:
            text = mine.inserted(text, number, mine.section(number, "yours", answers[number]))
    (folder / "mysnn.py").write_text(text, encoding="utf-8")
    return folder / "mysnn.py"


def opened(path: Path):
    """The module in that file."""
    spec = importlib.util.spec_from_file_location("a_mysnn", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hidden_layer(mysnn) -> np.ndarray:
    """Random weights that spike."""
    rng = np.random.default_rng(1)
    W = 0.2 * rng.standard_normal((mysnn.INPUTS, mysnn.HIDDEN))
    return mysnn.flat([(W, np.full(mysnn.HIDDEN, -0.4))])
