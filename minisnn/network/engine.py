"""What the loops of a network ask of what computes its blocks: an engine.

Five modules are one: `layers.block` and `layers.frames`, the readable passes of a spiking block and
of a frame's, their twins in `kernels`, and `plain.block`. mypy holds each to this page; an engine
of another kind need be no module.

    B samples, T steps of x, of which the last `block.window` are differentiated (all, where T is
    less); m of these from the first one on; x and y as the engine has them

An engine keeps on a *tape* what it needs for the way back. `Weight` is what `prepare` gives.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..layers.block import Block

Array = np.ndarray
Tape = dict[str, Any]
Record = list[dict[str, Array | None]]  # what a twin freezes, of `Network.record`


class Engine(Protocol):
    """The four passes of a block, and what goes with them."""

    def enter(self, x: Array, gain: float, dtype: Any) -> Any:
        """gain times the event counts (B, T, H, W, C), as the first block takes them."""

    def prepare(self, weight: Array) -> Any:
        """What the passes take in place of a weight (k, k, C_in, C_out) that serves several."""

    def release(self, weight: Any) -> None:
        """Give up what of it can be made again, so that others may have the memory."""

    def forward(
        self, block: Block, weight: Any, bias: Array, x: Any, keep: int = ...
    ) -> tuple[Any, Tape]:
        """(y, tape): y (B, T, H', W', C_out), or of the readout u (B, C_out) at the last step. The
        tape needs `keep` of the window's steps; it may hold more."""

    def backward(
        self, block: Block, weight: Any, tape: Tape, dy: Array, need_dx: bool, second: bool
    ) -> tuple[Any, Array, Array]:
        """(dx, dweight, dbias) from dy (B, m, H', W', C_out); dx has m - delay steps. dx may be
        left out where nobody needs it, and what a tangent reads where none will follow."""

    def forward_tangent(
        self,
        block: Block,
        weight: Any,
        weight_dot: Any,
        bias_dot: Array,
        tape: Tape,
        x_dot: Array | None,
        steps: int,
    ) -> tuple[Array, Tape]:
        """(y_dot, its tape) at the window's first steps, behind `backward`; x_dot has `delay`
        fewer, or is None where the input is data."""

    def backward_tangent(
        self,
        block: Block,
        weight: Any,
        weight_dot: Any,
        tape: Tape,
        tape_dot: Tape,
        dy_dot: Array,
        need_dx: bool,
    ) -> tuple[Any, Array, Array]:
        """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""

    def features(self, block: Block, x: Any, ends: Sequence[int]) -> Array:
        """What a readout weighs after the first n steps, for each n of `ends`, (B, len(ends) F)."""

    def features_backward(self, block: Block, dp: Array, steps: int, ends: Sequence[int]) -> Array:
        """dx (B, m, F) at a window of so many steps, from whose start `ends` count."""


class TwinEngine(Engine, Protocol):
    """One that computes twins too: the same network, smooth, about a record of it."""

    def recorded(self, block: Block) -> tuple[str, ...]:
        """What of a block's tape a twin freezes."""

    def twin(
        self, block: Block, weight: Any, bias: Array, x: Any, form: str, frozen: dict
    ) -> tuple[Any, Tape]:
        """`forward` in the form "jet" or "smooth", of the window's steps alone."""

    def twin_features(self, block: Block, x: Any, frozen: dict, ends: Sequence[int]) -> Array:
        """`features` of a twin's x; `ends` count from the window's start."""


class Twin(NamedTuple):
    """Which twin is computed, and what it freezes of each block."""

    form: str
    record: Record

    def part(self, part: slice) -> "Twin":
        """Of a part of the batch."""
        return Twin(
            self.form,
            [
                {name: a if a is None else a[part] for name, a in of_block.items()}
                for of_block in self.record
            ],
        )
