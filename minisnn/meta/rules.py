"""The learning rules of runs, one object for each, in RULES.

This module needs only the standard library, so that the command line can list the rules without
loading NumPy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..arguments import must

if TYPE_CHECKING:
    from ..core.network import Network
    from .inner import InnerLoop
    from .path import MetaGradient
    from .tasks import Task

# the groups of parameters that share a learned step size, see `meta.stepsizes`
GROUPS = "no", "scalar", "layer", "array", "parameter"
OFF = dict(
    first_order_updates=0,
    learn_step_size="no",
    freeze=(),
)


class MAML:
    """The rule MAML (Finn et al. 2017), or FOMAML with order 1. It is the base class of the other
    rules.

    fixed          settings with only one possible value: {name: (value, reason)}
    suits          the rule's own defaults, which take precedence over a preset's settings
    second_order   True if order 2 differs from order 1
    whole_set      True if it classifies all classes of the set, with batches as tasks: see
                   `Classification`
    any_ways       True if training tasks may have more classes than the network's readout
    class_means    True if tasks are learned by `meta.prototypes.ClassMeans`
    scaled         True if it uses the setting `scale`
    proximal       True if it uses the settings `proximal` and `cg_steps`

    >>> rule = ms.MAML()
    >>> rule.name, rule.second_order
    ('maml', True)
    """

    # titles: the usual names for second and for first order
    name, help, titles = (
        "maml",
        "maml",
        ("MAML", "FOMAML"),
    )
    fixed: ClassVar[dict[str, tuple[Any, str]]] = {}
    suits: ClassVar[dict[str, Any]] = {}
    second_order, whole_set, any_ways, class_means = True, False, False, False
    scaled, proximal = False, False

    def check(self, settings: Any) -> None:
        """Raise ValueError if the settings of a run do not fit the rule."""
        for name, (expected, why) in self.fixed.items():
            found = getattr(settings, name)
            words = "empty" if expected == () else "none" if expected is None else expected
            must(name, found == expected, f"{words} for rule {self.name}, {why}", found)

    def words(self, order: int) -> str:
        """Return the rule's usual name.

        >>> ms.MAML().words(2), ms.MAML().words(1)
        ('MAML', 'FOMAML')
        """
        return self.titles[order == 1]

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        """Return the rule's inner loop, made from the plain inner loop and a run's settings."""
        return loop

    def gradient(
        self, loop: InnerLoop, net: Network, theta: Any, task: Task, order: int
    ) -> MetaGradient:
        """Return the meta-gradient for a task, using an inner loop that the method `loop`
        returned."""
        return loop.meta_gradient(net, theta, task, order)


class ANIL(MAML):
    """ANIL: the inner loop adapts only the readout (Raghu et al. 2020)."""

    name, help = "anil", "anil: the inner loop adapts only the readout"
    titles = "ANIL", "first-order ANIL"

    def check(self, settings: Any) -> None:
        frozen = settings.freeze
        must(
            "freeze",
            "readout" not in frozen,
            "without the readout, which is all that anil adapts",
            frozen,
        )

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        below = [b.name for b in net.blocks if not b.readout and b.name not in loop.freeze]
        return replace(loop, freeze=(*loop.freeze, *below))


class Online(MAML):
    """Only the readout learns, from zero, one sample after another; see `meta.online`."""

    name, help = (
        "online",
        "online: only the readout, from zero, with an update after every support sample",
    )
    fixed = dict(
        freeze=((), "which only adapts the readout"),
        learn_step_size=("no", "whose step size is one for all"),
        zero_readout=(False, "whose readout always starts from zero"),
    )
    any_ways, scaled, titles = True, True, ("online", "first-order online")

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        from .online import OnlineReadout

        return OnlineReadout(**{**vars(loop), "online": True}, scale=settings.scale)


class Reptile(MAML):
    """Reptile: the meta-gradient is the sum of the inner steps (Nichol et al. 2018)."""

    name, help = "reptile", "reptile: the sum of inner steps on support and query together"
    fixed = dict(
        first_order_updates=(0, "which has no second order to change to"),
        learn_step_size=("no", "which gives step sizes no gradient"),
        freeze=((), "which never learns frozen layers"),
    )
    second_order, titles = False, ("Reptile", "Reptile")

    def check(self, settings: Any) -> None:
        steps = settings.inner_steps
        must("inner_steps", steps > 1, "at least 2 for rule reptile: one is joint training", steps)
        must(
            "learn",
            settings.adapt_constants or not settings.learn,
            "none for rule reptile, which learns what inner steps move, or give adapt_constants",
            settings.learn,
        )
        super().check(settings)

    def gradient(
        self, loop: InnerLoop, net: Network, theta: Any, task: Task, order: int
    ) -> MetaGradient:
        from .functions import reptile

        return reptile(loop, net, theta, task)


class Classify(MAML):
    """No meta-learning: an ordinary classifier of all training classes."""

    name, help = (
        "classify",
        "classify: no inner loop and no tasks, one classifier of all training classes",
    )
    fixed = {
        name: (off, "which has no inner loop")
        for name, off in {**OFF, "zero_readout": False}.items()
    }
    second_order, whole_set, titles = False, True, ("classify", "classify")

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        return replace(loop, steps=0)


class ProtoMAML(MAML):
    """MAML with a readout that starts from the class means of the support (Triantafillou et al.
    2020); see `meta.prototypes`."""

    name, help = (
        "proto-maml",
        "proto-maml: maml whose readout starts from the class means of the support set",
    )
    fixed = dict(zero_readout=(False, "whose readout starts from class means"))
    class_means, scaled, titles = True, True, ("Proto-MAML", "first-order Proto-MAML")

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        from .prototypes import ClassMeans

        return ClassMeans(**vars(loop), scale=settings.scale)


class Prototypes(ProtoMAML):
    """Prototypical networks (Snell et al. 2017): nearest class mean, without an inner step."""

    name, help = (
        "prototypes",
        "prototypes: no inner step, a query gets the class with the nearest mean trace",
    )
    fixed = Classify.fixed
    second_order, any_ways, titles = False, True, ("prototypical networks", "prototypical networks")

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        from .prototypes import ClassMeans

        once = replace(loop, steps=0)
        return ClassMeans(
            **vars(once), scale=settings.scale, readings=settings.readings, looks=settings.looks
        )

    def gradient(
        self, loop: InnerLoop, net: Network, theta: Any, task: Task, order: int
    ) -> MetaGradient:
        """Return the meta-gradient with a single look, since L looks would take L times as long."""
        means: Any = loop
        return means.once.meta_gradient(net, theta, task, order)


class ImplicitMAML(MAML):
    """Implicit MAML, which differentiates only the end of the inner loop, the minimum of a proximal
    problem (Rajeswaran et al. 2019); see `meta.implicit`."""

    name, help = (
        "imaml",
        "imaml: maml that differentiates only the minimum which the inner steps reach",
    )
    fixed = dict(
        learn_step_size=("no", "whose minimum does not depend on the step size"),
    )
    # a readout that fires has such negative curvature that the necessary lambda prevents learning
    suits = dict(step_size=0.05, inner_steps=40, zero_readout=True)
    proximal, titles = True, ("implicit MAML", "first-order implicit MAML")

    def check(self, settings: Any) -> None:
        super().check(settings)
        steps, pulls = settings.inner_steps, settings.step_size * settings.proximal
        must("inner_steps", steps > 1, "at least 2 for rule imaml, to reach a minimum", steps)
        must(
            "step_size times proximal",
            pulls < 2,
            "below 2 for rule imaml, whose steps would not come to rest",
            pulls,
        )

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        from .implicit import ImplicitLoop

        return ImplicitLoop(**vars(loop), proximal=settings.proximal, cg_steps=settings.cg_steps)


class RidgeRule(MAML):
    """Closed-form ridge regression on the network's features; see `meta.ridge`."""

    name, help = "ridge", "ridge: no inner step, the readout is solved for (loss squared)"
    titles = "ridge regression", "first-order ridge regression"
    fixed = {**Classify.fixed, "loss": ("squared", "which is least squares")}

    def loop(self, net: Network, loop: InnerLoop, settings: Any) -> InnerLoop:
        from .ridge import Ridge

        return Ridge(**vars(replace(loop, steps=0)), penalty=settings.penalty)


_KINDS = MAML, ANIL, Online, Reptile, Classify, Prototypes, ProtoMAML, ImplicitMAML, RidgeRule
RULES: dict[str, MAML] = {rule.name: rule() for rule in _KINDS}


def body(net: Network) -> tuple[str, ...]:
    """Return the names of the layers below the readout. ANIL freezes these: `meta_gradient(net,
    theta, task, freeze=body(net))`.

    >>> from minisnn.meta.rules import body
    >>> body(ms.SpikingNet((8, 8, 2), channels=(4, 8), hidden=(16,)))
    ('conv1', 'conv2', 'hidden1')
    """
    return tuple(b.name for b in net.blocks if not b.readout)
