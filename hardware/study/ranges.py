"""The interval analysis of every word length, and what was clipped in the episodes."""

from collections import Counter
from functools import partial

from minisnn.experiments.findings import Findings
from minisnn.experiments.study import Settings, Study

from ..chip.learner import one_shot
from ..chip.network import IntegerNet
from ..chip.words import Words
from .episodes import Comparison, task_of

TITLE = "What every word of the chip can come to hold, and what was clipped"


def run(study: Study, words: Words, bits: tuple[int, ...]) -> Findings:
    """Bounds of every quantity, a row each, and the numbers that were clipped while the test
    episodes were learned."""
    c = Comparison(study, words, bits)
    found = Findings(study.name, TITLE)
    rows = []
    clipped = []
    for b in bits:
        chip = c.chip(b)
        for layer in chip.layers:
            for name, bound in chip.bounds[layer.name].items():
                ends = f"{bound.low:,}", f"{bound.high:,}"
                rows.append(
                    [b, layer.name, name, *ends, bound.bits, bound.any_bits, layer.exponent]
                )
        counts = Counter(chip.saturations)
        for item in c.each(f"ranges{b}", partial(_episode, c.tasks, chip, c.settings), [b]):
            counts.update(item)
        clipped += [[b, place, f"{number:,}"] for place, number in counts.items() if number]
    found.table(
        "ranges",
        "Interval analysis",
        "bits | layer | quantity | lowest | highest | signed bits | any weights | exponent",
        rows,
        "Signed bits: of the weights at hand; any weights: of the worst ones that the same words "
        "could hold.",
    )
    found.table(
        "saturations",
        f"Saturations in {study.settings.episodes} episodes (theta: when it was quantised)",
        "bits | where | how often",
        clipped,
    )
    return found


def _episode(tasks, chip: IntegerNet, settings: Settings, index: int) -> dict[str, int]:
    """Numbers that were clipped in an episode, by place."""
    alone = chip.counted_alone()
    one_shot(alone, alone.learner(seed=1 + index), task_of(tasks, settings, alone.ways, index))
    return {place: number for place, number in alone.saturations.items() if number}
