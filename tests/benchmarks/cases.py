"""What benchmarks of one meta-gradient compute: networks, their weights and tasks; and how minisnn,
PyTorch and JAX have them."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import findings
import numpy as np

import minisnn as ms

PAUSE = 0.2
ORDERS = {"second order": 2, "first order": 1}
WHATS = (*ORDERS, "inference")


class Case(NamedTuple):
    """A network and its tasks: Table 1's at 7 % activity, 5-way 1-shot, 25 queries."""

    name: str = "Table 1"
    neuron: str = "lif"
    pool: str = "max"
    activity: float = 0.07
    input: tuple[int, int] = (16, 32)
    channels: tuple[int, ...] = (32, 64, 128)
    ways: int = 5
    queries: int = 25  # in all
    steps: int = 100
    window: int = 30
    tasks: int = 1  # a call
    inner_steps: int = 1

    def network(self) -> ms.SpikingNet:
        neuron = ms.CubaLIF() if self.neuron == "cuba" else ms.LIF()
        sizes = tuple(self.channels), self.ways, 5, self.pool, neuron, self.window, np.float32
        return ms.SpikingNet((*self.input, 2), *sizes)

    def task(self, seed: int, queries: int | None = None) -> ms.Task:
        """Poisson counts at 0.02 a site and step; queries in the order of their classes."""
        rng = np.random.default_rng(seed)
        shape = self.steps, *self.input, 2
        n = queries or self.queries
        draw = lambda n: np.stack([rng.poisson(0.02, shape).astype(np.uint8) for _ in range(n)])
        y = np.arange(self.ways)
        return ms.Task(draw(self.ways), y, draw(n), np.repeat(y, n // self.ways))

    def theta(self, net: ms.SpikingNet) -> np.ndarray:
        """Random weights at which every conv layer has the wanted activity."""
        rng = np.random.default_rng(0)
        theta = np.zeros(net.size, np.float32)
        for w in net.views(theta).values():
            scale = 2 / np.sqrt(np.prod(w.shape[:-1])) if w.ndim > 1 else 0.05
            w[...] = rng.standard_normal(w.shape) * scale
        fire_at(net, theta, self.task(0).x_support, self.activity)
        return theta


def fire_at(net: ms.SpikingNet, theta: np.ndarray, x: np.ndarray, rate: float) -> None:
    """Move each layer's bias by bisection, so that its output has this activity."""
    views = net.views(theta)
    for block in net.blocks[:-1]:
        bias, low, high = views[f"{block.name}.bias"], -3.0, 3.0
        start = bias.copy()
        for _ in range(10):
            middle = (low + high) / 2
            bias[...] = start + middle
            if net.activity(theta, x)[block.name] > rate:
                high = middle
            else:
                low = middle


class Form(NamedTuple):
    """How one framework has a network: `tensors` of a task, `calls` by what they compute, and the
    meta-gradient in minisnn's order of what a call found."""

    tensors: Callable[[ms.Task], Any]
    calls: dict[str, Callable[[Any], Any]]
    gradient: Callable[[Any], np.ndarray]


def ours(net, theta, steps: int = 1) -> Form:
    calls: dict[str, Callable] = {
        name: lambda t, order=order: ms.meta_gradient(net, theta, t, steps=steps, order=order)
        for name, order in ORDERS.items()
    }
    calls["inference"] = lambda t: net(theta, np.concatenate([t.x_support, t.x_query]))
    return Form(lambda t: t, calls, lambda found: found[1])


def torch_form(net, theta, **how) -> Form:
    import torch
    import torch_peer as peer

    weights = peer.parameters(net, theta)

    def inference(t):
        with torch.no_grad():
            return peer.logits(net, weights, torch.cat([t["x_support"], t["x_query"]]), **how)

    calls: dict[str, Callable] = {
        name: partial(peer.meta_gradient, net, weights, order=order, **how)
        for name, order in ORDERS.items()
    }
    calls["inference"] = inference
    return Form(lambda t: peer.tensors(t, net.dtype), calls, lambda found: peer.flat(net, found[1]))


def snntorch_form(net, theta) -> Form:
    import snntorch_peer

    return torch_form(net, theta, layers_of=snntorch_peer.layers_of)


def jax_form(net, theta, products: bool = False) -> Form:
    import jax
    import jax_peer as peer

    jax.config.update("jax_enable_x64", net.dtype == np.float64)
    weights = peer.parameters(net, theta)
    forward = peer.inference(net, products)

    def inference(t):
        x = peer.jnp.concatenate([t["x_support"], t["x_query"]], 1)
        return forward(weights, x).block_until_ready()

    def call(order):
        function = peer.compiled(net, order, products=products)
        return lambda t: jax.block_until_ready(function(weights, t))

    calls = {name: call(order) for name, order in ORDERS.items()} | {"inference": inference}
    return Form(lambda t: peer.tensors(t, net.dtype), calls, lambda found: peer.flat(found[1]))


FORMS = {
    "minisnn": ours,
    "PyTorch, steps": torch_form,
    "PyTorch, layers": partial(torch_form, by_layers=True),
    "snnTorch": snntorch_form,
    "JAX": jax_form,
    "JAX, products": partial(jax_form, products=True),
}
TORCH = "PyTorch, steps", "PyTorch, layers"


def seconds(
    case: Case, names: tuple[str, ...], what: str, repeat: int, pause: float = PAUSE, **how: Any
) -> dict[str, list[float]]:
    """Seconds a task of what several forms compute, on the same tasks, by turns."""
    net = case.network()
    theta = case.theta(net)

    def call(name: str) -> Callable:
        form = FORMS[name](net, theta)

        def prepared(number: int) -> Callable[[], list]:
            seeds = range(number * case.tasks, (number + 1) * case.tasks)
            given = [form.tensors(case.task(seed)) for seed in seeds]
            return lambda: [form.calls[what](t) for t in given]

        return prepared

    spent = findings.by_turns({name: call(name) for name in names}, repeat, pause=pause, **how)
    return {name: [one / case.tasks for one in all_of] for name, all_of in spent.items()}


def apart(case: Case, name: str) -> float:
    """The largest relative difference of a form's meta-gradient from minisnn's in float64: in float32
    a spike may fall on either side of the threshold."""
    net = case.network()
    theta = case.theta(net).astype(np.float64)
    t = case.task(0, case.ways)
    forms = [FORMS[one](net.like(dtype="float64"), theta) for one in ("minisnn", name)]
    one, two = (form.gradient(form.calls["second order"](form.tensors(t))) for form in forms)
    return float(abs(one - two).max() / abs(one).max())


def once(case: Case, name: str) -> None:
    """One second-order meta-gradient in this process; print its peak of memory in MB. Activity does
    not matter."""
    net = case.network()
    theta = np.random.default_rng(0).standard_normal(net.size).astype(np.float32) * 0.05
    form = FORMS[name](net, theta)
    form.calls["second order"](form.tensors(case.task(1)))
    print(findings.peak_memory())
