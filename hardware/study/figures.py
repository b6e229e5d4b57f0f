"""Pictures of float against fixed point: a line a rounding."""

from minisnn.experiments.drawing import drawn, errorbars
from minisnn.experiments.statistics import estimate
from minisnn.plots import COLOURS

from ..chip.formats import ROUNDINGS
from .ways import Choice

COLOUR_OF = dict(zip(ROUNDINGS, map(COLOURS.get, ("blue", "sky", "orange", "vermillion"))))
ONE_SHOT = dict(ylabel="one-shot accuracy (%)", ylim=(0, 102))
STYLE = dict(capsize=2, linewidth=1, markersize=4)


def _line(axes, points: dict, mode: str) -> None:
    """Accuracies with their intervals: {place: Found}."""
    estimates = [estimate(one.row) for one in points.values()]
    errorbars(axes, points, estimates, COLOUR_OF[mode], label=mode, **STYLE)


def against_bits(chips: dict, bits: tuple[int, ...], twin: float):
    """A panel for the readout alone in few bits, one for all layers, by rounding of the update, of
    {(conv bits, Choice): Found}; `twin` is the accuracy in float."""
    below = {
        "readout alone, conv layers in the most bits": {b: max(bits) for b in bits},
        "all layers": {b: b for b in bits},
    }
    with drawn(8.4, 3.6, 2, sharey=True) as (fig, panels):
        for axes, (title, conv) in zip(panels, below.items()):
            for n, mode in enumerate(ROUNDINGS):
                aside = 0.05 * (n - 1.5)
                _line(
                    axes, {b + aside: chips[conv[b], Choice(b, rounding=mode)] for b in bits}, mode
                )
            axes.axhline(100 * twin, color="0.5", linestyle=":", label="float twin")
            axes.set(xlabel="weight bits", title=title, xticks=list(bits))
        panels[0].set(**ONE_SHOT)
        panels[0].legend(title="rounding of the update")
        fig.suptitle("Few bits: what learning bears, and what the layers below bear")
    return fig


def against_trace_bits(parts: dict[str, dict]):
    """Both kinds of traces side by side, of {part: {(rounding, bits): Found}}."""
    with drawn(8.4, 3.6, 2, sharey=True) as (fig, panels):
        for axes, (name, part) in zip(panels, parts.items()):
            for mode in dict.fromkeys(mode for mode, _ in part):
                _line(axes, {n: one for (m, n), one in part.items() if m == mode}, mode)
            axes.set(xlabel=f"fraction bits of the {name} traces")
        panels[0].set(**ONE_SHOT)
        panels[1].legend(title="rounding of the traces", loc="lower right")
        fig.suptitle("How short the traces may be")
    return fig
