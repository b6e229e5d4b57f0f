"""The plain loops compute what the equations on arrays and the kernels compute: every pass of every
kind of block."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numba import config

import minisnn as ms
from minisnn.kernels import block as kernels
from minisnn.layers import block as arrays
from minisnn.layers.block import Block
from minisnn.layers.cuba import LeakyIntegrator
from minisnn.plain import block as plain
from slowly import all_but, slow

TESTS = Path(__file__).resolve().parents[1]
LIF = ms.LIF(threshold=-0.1)
CUBA = ms.CubaLIF(threshold=0.05)
LEAKY = LeakyIntegrator(0.95, 0.9)


@dataclass(frozen=True)
class Gained(ms.Neuron):
    """Two states, of which the second raises what the current does: its derivatives ask for what
    the step was given."""

    rho: float = 1.0
    keeps: float = 0.8
    states = ("r", "g")

    def forward(self, I, z, spike):
        (r, g) = z
        u = I * (1 + g) - self.rho * r
        return u, (self.keeps * r + spike(u), self.keeps * g + 0.1 * u)

    def backward(self, at, du, dz):
        (dr, dg) = dz
        du = du + dr * at.slope + 0.1 * dg
        return (1 + at.z[1]) * du, (self.keeps * dr - self.rho * du, self.keeps * dg + at.I * du)

    def forward_tangent(self, at, I_dot, z_dot):
        (r_dot, g_dot) = z_dot
        u_dot = I_dot * (1 + at.z[1]) + at.I * g_dot - self.rho * r_dot
        return u_dot, (self.keeps * r_dot + at.slope * u_dot, self.keeps * g_dot + 0.1 * u_dot)

    def backward_tangent(self, at, dot, du, dz, du_dot, dz_dot):
        du = du + dz[0] * at.slope + 0.1 * dz[1]
        du_dot = du_dot + dz_dot[0] * at.slope + dz[0] * at.curvature * dot.u + 0.1 * dz_dot[1]
        dr_dot = self.keeps * dz_dot[0] - self.rho * du_dot
        dg_dot = self.keeps * dz_dot[1] + at.I * du_dot + dot.I * du
        return (1 + at.z[1]) * du_dot + dot.z[1] * du, (dr_dot, dg_dot)


OWN = Gained()


@dataclass(frozen=True)
class Case:
    """A block, and what goes through it."""

    neuron: object
    pool: str = "none"
    shape: tuple[int, int, int] = (5, 7, 2)
    kernel: int = 3
    window: int = 6
    detach_reset: bool = False
    readout: bool = False

    def block(self) -> Block:
        return Block(
            "b",
            self.shape,
            5,
            self.kernel,
            self.pool,
            self.neuron,
            detach_reset=self.detach_reset,
            readout=self.readout,
            window=self.window,
        )


DENSE = dict(shape=(1, 1, 20), kernel=1)
CASES = {
    "max": Case(LIF, "max"),
    "max of a wide kernel": Case(LIF, "max", (2, 9, 1), kernel=5),
    "mean": Case(LIF, "mean", (6, 4, 2)),
    "none": Case(LIF),
    "all steps": Case(LIF, "max", window=30),
    "a reset that is detached": Case(LIF, "max", detach_reset=True),
    "a window shorter than the delay": Case(LIF, "max", window=1),
    "current": Case(CUBA, "max"),
    "mean of spikes": Case(CUBA, "spikes"),
    "hard reset that is detached": Case(CUBA, "spikes", detach_reset=True, window=30),
    "a dense current": Case(CUBA, **DENSE),
    "readout": Case(LIF, readout=True, **DENSE),
    "leaky readout": Case(LEAKY, readout=True, **DENSE),
    "leaky readout of all steps": Case(LEAKY, readout=True, window=30, **DENSE),
    "own": Case(OWN, "max", (4, 5, 2)),
    "own that is detached": Case(OWN, "mean", detach_reset=True),
}


# each other neuron, and each that is detached, is compiled by itself
COMPILED = [name for name, case in CASES.items() if case.neuron is LIF and not case.detach_reset]


def off(found, expected) -> float:
    """The largest difference, relative to the largest of what is expected."""
    scale = np.abs(expected).max(initial=0)
    return float(np.abs(found - expected).max(initial=0) / (scale or 1))


def passes(engine, case: Case, short: int) -> dict[str, np.ndarray]:
    """What the four passes give where adjoints end `short` steps before the window does."""
    rng = np.random.default_rng(0)
    block = case.block()
    B, T = 2, 11
    x = rng.poisson(0.3, (B, T, *case.shape)) * 1.5
    x[:, :, :, 3:] = 0  # where nothing comes, sites tie
    weight, weight_dot = 0.8 * rng.standard_normal((2, *block.weight_shape))
    bias, bias_dot = 0.1 * rng.standard_normal((2, block.channels))
    bias[0] = LIF.threshold  # which a site that has not fired just reaches
    delay = case.neuron.delay
    window = min(case.window, T)
    m = max(window - short, 0)
    y, tape = engine.forward(block, engine.prepare(weight), bias, x)
    steps = () if case.readout else (m, *block.output_shape[:2])
    dy, dy_dot = rng.standard_normal((2, B, *steps, block.channels))
    if case.readout:
        m = window
    dx, dweight, dbias = engine.backward(block, weight, tape, dy, True, True)
    found = dict(y=y, dx=dx, dweight=dweight, dbias=dbias)
    for data in (True, False):
        x_dot = None if data else rng.standard_normal((B, max(m - delay, 0), *case.shape))
        y_dot, dot = engine.forward_tangent(block, weight, weight_dot, bias_dot, tape, x_dot, m)
        back = engine.backward_tangent(block, weight, weight_dot, tape, dot, dy_dot, True)
        names = ("y_dot", "dx_dot", "dweight_dot", "dbias_dot")
        found |= {f"{name}, {data}": a for name, a in zip(names, (y_dot, *back))}
    return found


@pytest.mark.parametrize("name", all_but(COMPILED, CASES))
@pytest.mark.parametrize("short", [0, 2])
@pytest.mark.every(2)
def test_plain_loops_are_the_equations(name, short):
    case = CASES[name]
    found = passes(plain, case, short)
    expected = passes(arrays, case, short)
    assert case.readout or 0.02 < expected["y"].mean() < 0.98
    for what, a in expected.items():
        assert found[what].shape == a.shape, what
        assert off(found[what], a) < 1e-12, what


@pytest.mark.parametrize("pool, settings", [
    ("max", dict(neuron=LIF, window=6)),
    ("mean", dict(neuron=LIF, window=30, detach_reset=True)),
    slow(("max", dict(neuron=CUBA, window=30))),
    slow(("mean", dict(neuron=CUBA, window=6))),
])  # fmt: skip
def test_plain_loops_are_the_kernels(pool, settings, monkeypatch):
    """A network runs on them: what a block takes and hands on fits."""
    net = ms.SpikingNet(
        (9, 11, 2), (3, 2), ways=3, kernel=3, pool=pool, dtype="float64", **settings
    )
    rng = np.random.default_rng(1)
    x = rng.poisson(0.6, (2, 3, 15, 9, 11, 2)).astype(np.uint8)
    theta = net.init(rng, x[0])
    y = rng.integers(0, 3, 3)
    task = ms.Task(x[0], y, x[1], y)
    expected = *ms.meta_gradient(net, theta, task, step_size=0.1), net(theta, x[0])
    assert min(net.activity(theta, x[0]).values()) > 0.02
    monkeypatch.setattr(net, "engine", lambda: plain)
    monkeypatch.setattr(kernels, "forward", None)
    found = *ms.meta_gradient(net, theta, task, step_size=0.1), net(theta, x[0])
    for a, b in zip(found, expected):
        assert off(np.asarray(a), np.asarray(b)) < 1e-12


@pytest.mark.slow
@pytest.mark.skipif(config.DISABLE_JIT, reason="this starts the test above without numba")
def test_plain_loops_run_in_a_debugger():
    """As plain Python, without what numba compiles."""
    told = f"-m pytest -q -n 0 -p no:cacheprovider --noconftest -k equations {__file__} -m"
    paths = os.pathsep.join(map(str, (TESTS, TESTS.parent)))
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": paths}
    command = [sys.executable, *told.split(), "slow or not slow"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{2 * len(CASES)} passed" in done.stdout
