"""Lines and marks in panels."""

from collections.abc import Mapping, Sequence
from typing import Any

from .canvas import figure, style


def plot_lines(title: str, panels: Sequence[Mapping[str, Any]]) -> Any:
    """Lines and marks, a panel beside another.

    panels   {"title", "xlabel", "ylabel", "log": whether x is, "series": [{"label", "x", "y", and
             "half", half of each interval, where they are known}, …]}; a single point is a mark
    """
    with style():
        fig = figure(4.2 * len(panels), 3.6)
        for axis, panel in zip(fig.subplots(1, len(panels), squeeze=False)[0], panels):
            for one in panel["series"]:
                alone = len(one["x"]) == 1
                how = dict(fmt="*", markersize=10) if alone else dict(fmt="o-", markersize=3)
                axis.errorbar(
                    one["x"], one["y"], yerr=one.get("half"), label=one["label"], capsize=2, **how
                )
            axis.set(**{name: panel[name] for name in ("title", "xlabel", "ylabel")})
            if panel.get("log"):
                ticks = sorted({x for one in panel["series"] for x in one["x"]})
                axis.set_xscale("log")
                axis.set_xticks(ticks, list(map(str, ticks)))
                axis.minorticks_off()
            axis.grid(color="0.9")
            axis.legend(fontsize=8)
        fig.suptitle(title)
    return fig
