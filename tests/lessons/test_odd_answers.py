"""Answers that are no numbers, or of no shape that is asked for: each gets one sentence."""

import contextlib
import importlib
import io
import re

import make
import numpy as np
import pytest
from checks import Wrong, diagnosis

NONE = np.full((3, 2), np.nan)
ODD = {
    "nothing": None,
    "a text": "text",
    "a ragged list": [1, [2, 3]],
    "a list of nothing": [None],
    "a dictionary": {"a": 1},
    "an object": object(),
    "a truth value": True,
    "a whole number": 3,
    "a number": 2.5,
    "no number": float("nan"),
    "a complex number": 1j,
    "one thing in brackets": (1,),
    "an empty pair of brackets": (),
    "an empty list": [],
    "two nothings": (None, None),
    "two texts": ("a", "b"),
    "a cube": np.zeros((2, 2, 2)),
    "an empty array": np.zeros(0),
    "an array of text": np.array("a"),
    "a function": len,
    "a set": {1},
    "an array of nothing": np.array(None),
    "ragged brackets": ((1, 2), (3,)),
    "three things": (np.zeros(2), np.zeros(3), "a"),
    "an array of no numbers": NONE,
    "pairs of nothing": [(None, None)] * 2,
    "an array and a ragged list": (np.zeros(3), [1, [2]]),
    "two numbers": (1, 2),
    "four numbers": (1, 2, 3, 4),
    "lists of pairs": [[(1, 2)]] * 2,
    "a text and pairs": ("a", [(1, 2), (3, 4)]),
}


HEAVY = "05", "06", "10", "11", "12", "17"  # whose checks train


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(s, id=s.stem, marks=[pytest.mark.slow] * s.stem.startswith(HEAVY))
        for s in make.sources()[1:]  # lesson 0 has no exercise
    ],
)
def test_an_answer_that_is_no_answer_gets_a_sentence(source, monkeypatch):
    monkeypatch.setattr(diagnosis, "SECONDS", 0.0)
    lesson = importlib.import_module(f"checks.lesson{source.stem[:2]}")
    for number, one in make.exercises(make.parse(source)).items():
        name = re.match(r"check\.(\w+)\(", one.checks[0])[1]
        for what, odd in ODD.items():

            def answer(*_, odd=odd):
                return odd

            answer.__name__ = name
            with (
                contextlib.redirect_stdout(io.StringIO()),
                np.errstate(all="ignore"),
                pytest.raises(Wrong, match=rf"^Exercise {number}: [^\n]+$"),
            ):
                getattr(lesson, name)(answer)
                pytest.fail(f"{number}: {what} passed")
