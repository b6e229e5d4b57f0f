"""minisnn: meta-learning of spiking neural networks, every derivative by hand.

The names below are all that a script needs; each lives in a module that says more:

- `minisnn.network`: the networks, over one flat theta, made of `minisnn.layers`
- `minisnn.meta`: learning a task, and learning to learn; optimisers and step sizes of the outer loop; tasks
- `minisnn.gradcheck`: proofs of the derivatives
- `minisnn.data`: recordings, the event camera, sets of tasks
- `minisnn.training`: runs and what they leave
- `minisnn.nir`: networks to and from other tools; `minisnn.parallel`: who does the work

They load on first use, so that importing the package costs nothing that is not needed.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "LIF": "layers.neuron",
    "SpikingNet": "network.spiking",
    "ConvNet": "network.convolutional",
    "Task": "meta.tasks",
    "adapt": "meta.inner",
    "meta_gradient": "meta.inner",
    "meta_loss": "meta.inner",
    "record_path": "meta.inner",
    "InnerLoop": "meta.inner",
    "body": "meta.inner",
    "reptile_gradient": "meta.inner",
    "SGD": "meta.optim",
    "Adam": "meta.optim",
    "cosine": "meta.optim",
    "clip": "meta.optim",
    "load": "training.checkpoint",
    "save": "training.checkpoint",
    "read": "training.checkpoint",
    "Checkpoint": "training.checkpoint",
    "train": "training.run",
    "TrainingConfig": "training.settings",
    "evaluate": "training.evaluation",
    "DoubleNMnist": "data.sets.double_nmnist",
    "DoubleASL": "data.sets.double_asl",
    "EventCamera": "data.camera.event_camera",
    "read_nmnist": "data.readers.nmnist",
    "export_nir": "nir",
    "import_nir": "nir",
    "get_threads": "parallel.threads",
    "set_threads": "parallel.threads",
    "Workers": "parallel.workers",
    "Cluster": "parallel.cluster",
}
__all__ = sorted(_HOME) + ["__version__"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))
