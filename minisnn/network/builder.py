"""Blocks of layers: what the passes of an engine are given for what one has said."""

import math
from typing import Any

from ..layers.block import Block
from ..layers.linear import folded_kernel
from .layers import Conv, Dense


class Builder:
    """Adds the blocks of layers, one after the other."""

    def __init__(
        self, input_shape: tuple[int, ...], window: int, neuron: Any, detach_reset: bool, learn: Any
    ):
        self.input_shape = input_shape
        self.shape = input_shape
        self.window = window
        self.neuron = neuron
        self.detach_reset = detach_reset
        self.learn = learn
        self.blocks: list[Block] = []

    def add(self, name: str, layer: Conv | Dense) -> None:
        """The block of a layer. Raises ValueError where there is none."""
        neuron = self._neuron(name, layer.neuron or self.neuron)
        if isinstance(layer, Conv):
            self._conv(name, layer, neuron)
        else:
            self._dense(name, layer.channels, neuron, recurrent=layer.recurrent, learn=self.learn)

    def readout(self, ways: int) -> None:
        """That of the readout."""
        self._dense("readout", ways, self.neuron.readout, readout=True)

    def _neuron(self, name: str, neuron: Any) -> Any:
        if not self.learn:
            return neuron
        whole = neuron.learning(neuron.decaying)
        known = {*whole.filtering, *whole.learnable}
        for one in self.learn:
            if one not in known:
                could = ", ".join(sorted(known))
                many = ", in a list of names" * ("," in one)
                raise ValueError(
                    f"learn names {one!r}, which is no constant that {name}'s "
                    f"{type(neuron).__name__} can learn; it can learn {could}{many}"
                )
        return neuron.learning(self.learn)

    def _conv(self, name: str, layer: Conv, neuron: Any) -> None:
        if len(self.shape) != 3:
            raise ValueError(f"{name} needs an input_shape (H, W, C), not {self.input_shape}")
        H, W, C = self.shape
        s = layer.stride
        h, w = -(-H // s), -(-W // s)
        if layer.pool != "none" and min(h, w) < 2:
            raise ValueError(self._too_small(name, h, w))
        pool = getattr(neuron, "pools", {}).get(layer.pool, layer.pool)
        self._block(
            name=name,
            input_shape=(h, w, s * s * C),
            channels=layer.channels,
            kernel=folded_kernel(layer.kernel, s) if s > 1 else layer.kernel,
            pool=pool,
            neuron=neuron,
            stride=s,
            own_kernel=layer.kernel,
            learn=self.learn,
        )

    def _too_small(self, name: str, h: int, w: int) -> str:
        n = len(self.blocks)
        allowed = f"input {self.input_shape} allows {n} conv blocks that pool, and channels or layers name more"
        instead = (
            "; a row of channels takes hidden layers, as channels=() and hidden=(64,) "
            "(--channels none --hidden 64)"
        )
        return f"{name} would pool an image of {h} x {w}; {allowed}{instead * (n == 0)}"

    def _dense(self, name: str, channels: int, neuron: Any, **more: Any) -> None:
        features = math.prod(self.shape)
        self._block(
            name=name,
            input_shape=(1, 1, features),
            channels=channels,
            kernel=1,
            pool="none",
            neuron=neuron,
            **more,
        )

    def _block(self, **what: Any) -> None:
        block = Block(detach_reset=self.detach_reset, window=self.window, **what)
        self.blocks.append(block)
        self.shape = block.output_shape
