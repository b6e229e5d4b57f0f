"""Each engine has the functions of `network.engine`, with its arguments by its names."""

import inspect

import pytest

from minisnn.kernels import block as kernels
from minisnn.kernels import frames as compiled_frames
from minisnn.layers import block, frames
from minisnn.network.engine import Engine, TwinEngine
from minisnn.plain import block as plain

ENGINES = [
    (kernels, Engine),
    (plain, Engine),
    (block, TwinEngine),
    (frames, TwinEngine),
    (compiled_frames, TwinEngine),
]


@pytest.mark.parametrize("engine, protocol", ENGINES, ids=lambda one: one.__name__)
def test_an_engine_is_what_the_loops_ask_for(engine, protocol):
    names = [name for name in dir(protocol) if not name.startswith("_")]
    assert {"forward", "backward", "forward_tangent", "backward_tangent"} <= set(names)
    for name in names:
        wanted = list(inspect.signature(getattr(protocol, name)).parameters)[1:]
        found = inspect.signature(getattr(engine, name)).parameters
        assert list(found) == wanted or name in ("prepare", "release"), (engine.__name__, name)
        assert len(found) == len(wanted), (engine.__name__, name)
