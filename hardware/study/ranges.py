"""Interval analysis of every word length, and what was clipped in the episodes."""

from collections import Counter
from functools import partial

from minisnn.experiments.findings import Findings
from minisnn.experiments.study import Study

from ..chip.words import Words
from .ways import Comparison, by_readout

TITLE = "What every word of the chip can come to hold, and what was clipped"


def run(study: Study, words: Words, bits: tuple[int, ...]) -> Findings:
    """Tabulate the bounds of every quantity, and how many numbers were clipped in learning the test
    episodes."""
    c = Comparison(study, words, bits)
    found = Findings(study.name, TITLE)
    rows = []
    clipped = []
    for b in bits:
        chip = c.chip(b)
        for layer in chip.layers:
            for name, bound in chip.bounds[layer.name].items():
                ends = f"{bound.low:,}", f"{bound.high:,}", bound.bits, bound.any_bits
                rows.append([b, layer.name, name, *ends, layer.exponent])
        _, counts = c.measure(f"ranges{b}", {"": partial(by_readout, chip, {}, None, "")})
        total = Counter(chip.saturations) + counts
        clipped += [[b, place, f"{number:,}"] for place, number in total.items()]
    found.table(
        "ranges",
        "Interval analysis",
        "bits | layer | quantity | lowest | highest | signed bits | any weights | exponent",
        rows,
        "Signed bits: of the weights at hand; any weights: of the worst ones that the same words "
        "could hold.",
    )
    title = f"Saturations in {study.settings.episodes} episodes (theta: when it was quantised)"
    found.table("saturations", title, "bits | where | how often", clipped)
    return found
