"""`import minisnn as ms`: it costs nothing, and type checkers and editors know every public
name."""

import ast
import inspect
import pkgutil
import re

import pytest
from processes import ROOT, python

import minisnn
import minisnn.hardware

SCRIPT = """\
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import minisnn as ms
from minisnn.meta.optim import clip, cosine
from minisnn.meta.rules import body

rng = np.random.default_rng(0)
neuron = ms.LIF(alpha=0.95, beta=0.9, gamma=0.65)
net = ms.SpikingNet(input_shape=(16, 32, 2), channels=(4, 8), ways=5, neuron=neuron, window=30)
tasks = ms.DoubleNMnist("train")
task = assert_type(tasks.sample_task(rng, 5, 1, 1), ms.Task)
theta = assert_type(net.init(rng, task.x_support), NDArray[Any])
logits = assert_type(net(theta, task.x_support), NDArray[Any])
loss, gradient = net.loss_and_gradient(theta, task.x_support, task.y_support)
assert_type((loss, gradient), tuple[float, NDArray[Any]])
product = net.hessian_vector_product(theta, task.x_support, task.y_support, gradient)
assert_type(product, NDArray[Any])
assert_type(net.loss(theta, task.x_support, task.y_support), float)
adapted = ms.adapt(net, theta, task.x_support, task.y_support, step_size=10.0, freeze=body(net))
assert_type(adapted, NDArray[Any])
loss, meta = ms.meta_gradient(net, theta, task, step_size=10.0, order=2)
assert_type((loss, meta), tuple[float, NDArray[Any]])
theta = ms.Adam(net.size).step(theta, clip(meta, 1.0)[0], lr=cosine(0, 10, 1e-3, 1e-4))
print(loss, net.views(theta)["conv1.weight"].shape, ms.__version__)
ms.save("a.h5", net, theta, inner=ms.InnerLoop(10.0))
found = ms.read("a.h5")
other = found.net
assert_type(other, ms.SpikingNet | ms.ConvNet)
assert_type(found, ms.Checkpoint)
ms.train(ms.TrainingConfig(updates=2), Path("run"))
ms.evaluate(other, found.theta, ms.InnerLoop(10.0), episodes=2)
asked = net.gradients(theta, task.x_support, task.y_support)
print(asked.hvp(theta))
figure = ms.plots.plot_task(task)
peer = ms.ConvNet((16, 32, 2), (4,), 5)
record = peer.record(peer.init(rng), task.x_support)
print(ms.gradcheck.check(peer))
"""
WRONG = """
import minisnn as ms
net = ms.SpikingNet(channels="two")
ms.adapt(net, theta=net)
ms.nothing
ms.train(ms.TrainingConfig(), "run", lost=4)
ms.train(ms.TrainingConfig(), "run", neuron=4)
"""


@pytest.mark.slow
def test_the_strict_type_checker_passes_what_is_right_and_sees_what_is_wrong(tmp_path):
    """mypy as a user runs it: in a folder of the user's, the library on Python's path, no
    configuration of the project's."""
    pytest.importorskip("mypy", reason='mypy is not installed; pip install "minisnn[test]"')
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(WRONG)
    line = "-m mypy --strict --config-file= right.py wrong.py"
    done = python(*line.split(), cwd=tmp_path)
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert (
        not [line for line in errors if not line.startswith("wrong.py:")] and done.returncode == 1
    ), done.stdout + done.stderr
    assert [line.split(":")[1] for line in errors] == ["3", "4", "4", "5", "6", "7"], errors


@pytest.mark.parametrize(
    "package, folder, rooms",
    [(minisnn, "minisnn", set(minisnn._ROOMS)), (minisnn.hardware, "hardware", {"loihi"})],
)
def test_the_stub_and_the_package_say_the_same(package, folder, rooms):
    tree = ast.parse((ROOT / folder / "__init__.pyi").read_text())
    homes = {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert rooms <= set(homes) and {*homes, *package.__all__} == {*dir(package), *package.__all__}
    for name, home in homes.items():
        found = getattr(package, name)
        where = f"{package.__name__}.{home}"
        assert inspect.ismodule(found) or found.__module__.startswith(where), name
    with pytest.raises(AttributeError):
        _ = package.nothing


def test_importing_and_help_cost_nothing():
    code = (
        "import sys; before = set(sys.modules); import minisnn; print(set(sys.modules) - before)\n"
        "import minisnn.cli\n"
        "try: minisnn.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'numpy', 'numba', 'scipy', 'matplotlib', 'h5py', 'tqdm'} & set(sys.modules))\n"
        "from minisnn import *; print(Adam(2).beta1)"
    )
    out = python("-c", code, check=True).stdout.splitlines()
    assert out[0] == "{'minisnn'}" and out[-2:] == ["set()", "0.9"], out


def test_changelog_and_citation_know_the_version():
    version = minisnn.__version__
    citation = (ROOT / "CITATION.cff").read_text()
    assert (
        f"\nversion: {version}\n" in citation
        and f"version = {{{version}}}" in (ROOT / "lessons" / "guides" / "questions.md").read_text()
    )
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"\n## {version}" in changes
    for line in re.findall(r"^\|.*\|(.*)\|$", changes, re.M):  # where things went: it is there
        for name in re.findall(r"`((?:minisnn|hardware)(?:\.\w+)+)`", line):
            pkgutil.resolve_name(name)
