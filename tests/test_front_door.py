"""`import minisnn as ms`: it costs nothing, and type checkers and editors know every public
name."""

import ast
import inspect
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import minisnn

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """\
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import minisnn as ms

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
adapted = ms.adapt(net, theta, task.x_support, task.y_support, step_size=10.0, freeze=ms.body(net))
assert_type(adapted, NDArray[Any])
loss, meta = ms.meta_gradient(net, theta, task, step_size=10.0, order=2)
assert_type((loss, meta), tuple[float, NDArray[Any]])
theta = ms.Adam(net.size).step(theta, ms.clip(meta, 1.0)[0], lr=ms.cosine(0, 10, 1e-3, 1e-4))
print(loss, net.views(theta)["conv1.weight"].shape, ms.__version__)
ms.save("a.h5", net, theta, inner=ms.InnerLoop(10.0))
other, theta = ms.load("a.h5")
assert_type(other, ms.SpikingNet | ms.ConvNet)
assert_type(ms.read("a.h5"), ms.Checkpoint)
ms.train(ms.TrainingConfig(updates=2), Path("run"))
ms.evaluate(other, theta, ms.InnerLoop(10.0), episodes=2)
asked = net.gradients(theta, task.x_support, task.y_support)
assert_type(asked.hvp(theta), NDArray[Any])
assert_type(net.gradients(theta, task.x_support, task.y_support, False).hvp, None)
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
net.gradients(0, 0, 0, False).hvp(0)
"""


@pytest.mark.slow
def test_the_strict_type_checker_passes_what_is_right_and_sees_what_is_wrong(tmp_path):
    """mypy as a user runs it: in a folder of the user's, the library on Python's path, no
    configuration of the project's."""
    pytest.importorskip("mypy", reason='mypy is not installed; pip install "minisnn[test]"')
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "right.py", "wrong.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert (
        not [line for line in errors if not line.startswith("wrong.py:")] and done.returncode == 1
    ), done.stdout + done.stderr
    assert [line.split(":")[1] for line in errors] == ["3", "4", "4", "5", "6", "7", "8"], errors


@pytest.mark.slow
def test_an_editor_completes_and_explains(tmp_path):
    jedi = pytest.importorskip(
        "jedi",
        reason="jedi, which completes names as editors do, is an extra: pip install -e '.[test]'",
    )
    project = jedi.Project(tmp_path, added_sys_path=[str(ROOT)])

    def completed(line: str) -> dict:
        text = f"{SCRIPT}{line}"
        found = jedi.Script(text, project=project).complete(text.count("\n") + 1, len(line))
        return {name.name: name for name in found}

    methods = completed("net.")
    assert {
        "init",
        "loss",
        "loss_and_gradient",
        "hessian_vector_product",
        "record",
        "views",
        "size",
    } <= set(methods)
    assert (
        "gradient" in methods["loss_and_gradient"].docstring()
        and "theta: " in methods["loss"].docstring()
    )
    assert {"neuron=", "loss=", "rule=", "executor=", "force="} <= set(completed("ms.train("))
    assert {"plot_task", "save", "animate_task"} <= set(completed("ms.plots."))
    assert "hvp" in completed("net.gradients(theta, task.x_support, task.y_support).")
    names = completed("ms.")
    assert set(minisnn.__all__) <= set(names)
    for name in set(minisnn.__all__) - {"__version__"}:
        assert len(names[name].docstring().splitlines()) > 1, f"{name}: a signature and no words"


def test_the_stub_and_the_package_say_the_same():
    tree = ast.parse((ROOT / "minisnn" / "__init__.pyi").read_text())
    homes = {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {"data", "nir", "plots", "training"} < set(minisnn._ROOMS) < set(homes)
    public = [*(set(homes) - set(minisnn._ROOMS)), "__version__"]
    assert sorted(minisnn.__all__) == sorted(public) and set(dir(minisnn)) == {
        *homes,
        "__version__",
    }
    for name, home in homes.items():
        found = getattr(minisnn, name)
        assert inspect.ismodule(found) or found.__module__.startswith(f"minisnn.{home}"), name
    with pytest.raises(AttributeError, match="nothing"):
        _ = minisnn.nothing


def test_importing_costs_nothing():
    code = (
        "import sys; before = set(sys.modules); import minisnn; print(sorted(set(sys.modules) - "
        "before))\n"
        "from minisnn import *; print(cosine(0, 1, 1.0, 0.0), 'numpy' in sys.modules)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    assert out.splitlines() == ["['minisnn']", "1.0 True"]


@pytest.mark.parametrize("line", ["import minisnn as ms; ms.LIF()", "import minisnn.cli"])
def test_an_archive_is_refused_in_a_sentence(line, tmp_path):
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for name in ("__init__.py", "__init__.pyi", "cli.py"):
            archive.write(ROOT / "minisnn" / name, f"minisnn/{name}")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "packed.zip")}
    run = subprocess.run(
        [sys.executable, "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    said = run.stderr.splitlines()[-1]
    assert run.returncode == 1 and said.startswith(
        "ImportError: minisnn cannot be used from an archive ("
    )
    assert said.endswith(
        "packed.zip/minisnn/__init__.py); expected it unpacked, as `pip install` does it"
    )
