"""Float against fixed point: the shipped network learns in integers, and in its float twins on the same test episodes."""

from minisnn.experiments.findings import Findings
from minisnn.experiments.statistics import difference, estimate
from minisnn.experiments.study import Study

from ..chip.learner import Learner
from ..chip.network import Words
from . import differences, others, sweep
from .episodes import BITS, TWINS, Choice, Comparison
from .figures import accuracy_against_bits, accuracy_against_threshold
from .operations import cost

TITLE = "One-shot learning in integers, against floating point on the same episodes"
TWIN = "membrane, softmax"
HEADER = "conv bits | readout bits | rule | error | rounding | Θ (%) | accuracy (%) | less twin (points) | written (%) | "
HEADER += "gated (%) | clipped (%)"


def run(study: Study, words: Words = Words(), bits: tuple[int, ...] = BITS, joules: tuple | None = None) -> Findings:
    """Measure, and put into tables, figures and a sentence."""
    c, found = Comparison(study, words, bits), Findings(study.name, TITLE)
    twins = c.floats()
    like = {(way.rule, way.error, way.online): twins[name] for name, way in TWINS.items() if isinstance(way, Learner)}
    rows, curves = [], {}
    for conv_bits in bits:
        values = c.fixed(conv_bits)
        for k, choice in enumerate(c.choices):
            rule, error, rounding, percent, online = choice.how
            right, loss = values[:, k, 0], difference(values[:, k, 0], like[rule, error, online])
            shares = (f"{100 * v:.2f}" for v in values[:, k, 1:4].mean(0))
            how = conv_bits, choice.bits, f"{rule}{', online' * online}", error, rounding, percent
            rows.append([*how, estimate(right).percent(), loss.percent(), *shares])
            curves[conv_bits, choice] = values[:, k]
    same = [row for row in rows if row[0] == row[1] and row[2:4] == ["membrane", "softmax"] and row[5] == 0]
    clipped = [[b, place, f"{number:,}"] for b, counts in c.saturations.items() for place, number in counts.items()]
    note = "The twins freeze the conv layers and learn with the power of two nearest to the step size."
    floats = [[name, estimate(values).percent()] for name, values in twins.items()]
    found.table("float", "Float: accuracy (%)", "what learns | accuracy ± 95 % CI", floats, note)
    found.table("bits", "All layers in the same number of bits, by rounding of the update", HEADER, same)
    found.table("all", "Every combination", HEADER, rows)
    note = f"{study.settings.episodes} episodes; theta: of weights and biases, when quantised."
    found.table("saturations", "Numbers that were clipped, the readout's apart", "bits | where | how often", clipped, note)
    differences.tables(c, found)
    lengths = sweep.measure(c)
    sweep.tables(c, found, lengths)
    others.measure(c, found)
    cost(c, found, joules)
    found.figures = {
        "traces": (sweep.picture(lengths), "One-shot accuracy against the bits of the traces."),
        "membrane": (differences.picture(c), "The same neuron's membrane over time."),
        "bits": (accuracy_against_bits(curves, bits, twins[TWIN]), "One-shot accuracy against weight bits."),
        "threshold": (accuracy_against_threshold(curves, bits), "Accuracy and synapses written against Θ."),
    }
    integers = "; ".join(f"{b} bits {estimate(curves[b, Choice(b)][:, 0]).percent()} %" for b in bits)
    found.summary = f"Float twin {estimate(twins[TWIN]).percent()} %; all layers in integers: {integers}"
    found.summary += f" (stochastic rounding, {study.settings.episodes} episodes)."
    return found
