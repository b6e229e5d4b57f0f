"""What the lessons' texts say of the library and of their own outputs is so."""

import json
import re

import numpy as np
import pytest

import make
from checks import Wrong, lesson08


def outputs(number: str) -> str:
    """All that the stored notebook of a lesson printed."""
    (source,) = make.HERE.glob(f"source/{number}_*.md")
    cells = json.loads(make.notebook_of(source).read_text(encoding="utf-8"))["cells"]
    printed = (out.get("text", "") for cell in cells for out in cell.get("outputs", ()))
    return "".join("".join(one) for one in printed)


def test_a_step_size_is_judged_by_the_loss_after_the_last_step():
    rows = re.findall(r"^ +([\d.]+) +([\d.]+) +([\d.]+)$", outputs("06"), re.M)
    last = {float(size): float(end) for size, end, _ in rows}
    highest = {float(size): float(top) for size, _, top in rows}
    start = last[0.001]
    assert 2.9 < highest[4] / start < 3.1 and last[10] > start  # "triples", "never comes down"
    assert (
        highest[1] <= start + 0.005 and start < highest[2] < 2 * start
    )  # "falls", "rises a little"


def test_before_it_learns_a_network_of_equal_membranes_names_the_first_class():
    assert "of 20 drawings right: 4 before" in outputs("00")


def test_two_starts_are_compared_on_the_same_tasks():
    said = re.search(r"task by task: (-?[\d.]+) ± ([\d.]+) points", outputs("17"))
    mean, half = map(float, said.groups())
    assert 0.5 < mean < 2.5 and 0.7 < mean / half < 1.5  # "about as much as half the width"


@pytest.mark.parametrize("factor, lengths", [(0, "0, 0, 0"), (7, "7, 7, 7")])
def test_eigenvectors_have_length_1(factor, lengths):
    def strongest(product, size, count):
        values, vectors = np.linalg.eigh(np.array([product(e) for e in np.eye(size)]))
        order = np.argsort(-np.abs(values))[:count]
        return values[order], factor * vectors[:, order]

    with pytest.raises(Wrong, match=f"lengths {lengths}"):
        lesson08.strongest(strongest)
