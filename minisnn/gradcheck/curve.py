"""The error of a finite difference against its step size: the V that tells truncation from
rounding."""

from dataclasses import dataclass

import numpy as np

from .differences import relative
from .whole import in_double, twins_of


@dataclass(frozen=True)
class Curve:
    """Relative error of central differences against the step size, one array a label."""

    steps: np.ndarray
    errors: dict[str, np.ndarray]

    def __str__(self) -> str:
        names = list(self.errors)
        rows = [
            [f"{h:8.1e}", *(f"{self.errors[n][k]:{len(n)}.1e}" for n in names)]
            for k, h in enumerate(self.steps)
        ]
        return "\n".join("  ".join(row) for row in (["    step", *names], *rows))


def step_curve(net, theta, x, y, steps=None, twins=None, seed: int = 0) -> Curve:
    """Errors of gradient and Hessian-vector product along one random direction for steps from 1e-1
    to 1e-9.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> x, y = case.task.x_support, case.task.y_support
    >>> curve = ms.gradcheck.step_curve(case.net, case.theta, x, y, steps=[1e-2, 1e-3], twins=["jet"])
    >>> list(curve.errors)
    ['gradient, jet', 'Hessian-vector product, jet']
    """
    steps = 10.0 ** np.arange(-1, -9.25, -0.25) if steps is None else np.asarray(steps, float)
    net, theta = in_double(net, theta)
    record = net.record(theta, x)
    d = np.random.default_rng(seed).standard_normal(net.size)
    d /= np.linalg.norm(d)
    errors = {}
    for twin in twins_of(net) if twins is None else twins:
        spike = "hard" if twin == "jet" else twin
        _, gradient, _, hvp = net.gradients(theta, x, y, spike=spike, record=record)
        slope = gradient @ d
        hv = hvp(d)
        found: tuple[list[float], list[float]] = ([], [])
        for h in steps:
            (up, g_up), (down, g_down) = (
                net.loss_and_gradient(theta + s * d, x, y, spike=twin, record=record)
                for s in (h, -h)
            )
            found[0].append(relative(slope, (up - down) / (2 * h)))
            found[1].append(relative(hv, (g_up - g_down) / (2 * h)))
        errors[f"gradient, {twin}"], errors[f"Hessian-vector product, {twin}"] = map(
            np.array, found
        )
    return Curve(steps, errors)


def plot_steps(curve: Curve, path=None):
    """The curve on logarithmic axes, with the two laws that make it a V; saved to `path` where
    given. Returns the axes.

    The smooth form jumps where a step carries a membrane across the kink of sigma'.

    >>> case = ms.gradcheck.random_case(np.random.default_rng(1))
    >>> x, y = case.task.x_support, case.task.y_support
    >>> curve = ms.gradcheck.step_curve(case.net, case.theta, x, y, steps=[1e-2, 1e-3], twins=["jet"])
    >>> axes = ms.gradcheck.plot_steps(curve, "v.png")
    >>> axes.get_ylabel()
    'relative error of the derivative'
    """
    from ..plots import figure, save

    fig = figure(7, 5)
    fig.set_layout_engine("constrained")
    ax = fig.subplots()
    smallest = np.finfo(float).eps / 10
    for label, errors in curve.errors.items():
        style = ("s" if "Hessian" in label else "o") + ("--" if "smooth" in label else "-")
        ax.loglog(curve.steps, np.maximum(errors, smallest), style, markersize=4, label=label)
    h = np.sort(curve.steps)
    lowest = min(float(e.min()) for e in curve.errors.values())
    for law, name, at in (
        (h**2, "truncation, h\N{SUPERSCRIPT TWO}", -1),
        (1 / h, "rounding, 1/h", 0),
    ):
        ends = [
            float(e[np.argmax(curve.steps) if at else np.argmin(curve.steps)])
            for e in curve.errors.values()
        ]
        line = law / law[at] * 3 * max(max(ends), smallest)
        keep = line > max(lowest, smallest)
        ax.loglog(h[keep], line[keep], color="0.6", linewidth=1, linestyle=":")
        place = dict(xytext=(4, 4), ha="left") if at == 0 else dict(xytext=(-4, 4), ha="right")
        ax.annotate(name, (h[at], line[at]), color="0.4", textcoords="offset points", **place)
    ax.set(
        xlabel="step size h of the central difference (units of theta)",
        ylabel="relative error of the derivative",
    )
    ax.set_title(
        "A right derivative makes a V: error falls with h until rounding takes over\n(a wrong one "
        "levels off at its own error)",
        fontsize="medium",
    )
    ax.grid(True, which="major", alpha=0.3)
    ax.legend(fontsize="small")
    if path is not None:
        save(fig, path)
    return ax
