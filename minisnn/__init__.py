"""minisnn: meta-learning of spiking neural networks, every derivative by hand.

The names below are all that a script needs; each lives in a module that says more:

- `minisnn.network`, `minisnn.convnet`: the networks, over one flat theta (`minisnn.flat`), made of `minisnn.layers`,
  `minisnn.neuron`, `minisnn.surrogate` and `minisnn.loss`, started by `minisnn.initialisation`
- `minisnn.maml`: learning a task, and learning to learn; `minisnn.optim`, `minisnn.stepsizes`: the outer loop
- `minisnn.gradcheck`: proofs of the derivatives
- `minisnn.data`: recordings, the event camera, sets of tasks; `minisnn.tasks`: a task
- `minisnn.training`, `minisnn.settings`, `minisnn.evaluation`, `minisnn.checkpoint`, `minisnn.runs`: runs and what they leave
- `minisnn.nir`: networks to and from other tools; `minisnn.threads`: how many cores are used

They load on first use, so that importing the package costs nothing that is not needed.
"""
import importlib

__version__ = "0.1.0"

_HOME = {
    "LIF": "neuron", "SpikingNet": "network", "ConvNet": "convnet", "Task": "tasks",
    "adapt": "maml", "meta_gradient": "maml", "meta_loss": "maml", "record_path": "maml", "InnerLoop": "maml",
    "body": "maml", "reptile_gradient": "maml",
    "SGD": "optim", "Adam": "optim", "cosine": "optim", "clip": "optim",
    "load": "checkpoint", "save": "checkpoint", "read": "checkpoint", "Checkpoint": "checkpoint",
    "train": "training", "TrainingConfig": "settings", "evaluate": "evaluation",
    "DoubleNMnist": "data.double", "DoubleASL": "data.double_asl", "EventCamera": "data.camera", "read_nmnist": "data.nmnist",
    "export_nir": "nir", "import_nir": "nir",
    "get_threads": "threads", "set_threads": "threads", "Workers": "executor", "Cluster": "cluster",
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
