"""minisnn: meta-learning of spiking neural networks, every derivative by hand.

A script needs only the names below; the packages that they come from say more:

- `minisnn.network`: the networks, over one flat theta, and `minisnn.core`, the reference that
  computes them
- `minisnn.meta`: the inner loop and its meta-gradient; optimisers and step sizes of the outer
  loop; tasks
- `minisnn.gradcheck`: proofs of the derivatives
- `minisnn.data`: recordings, the event camera, sets of tasks
- `minisnn.training`: training runs and their files
- `minisnn.nir`: networks to and from other tools; `minisnn.parallel`: threads, processes, clusters

Names and packages load on first use, so importing minisnn is quick. They are listed once, in
`__init__.pyi`, which type checkers and editors read. Examples in docstrings begin after `import
numpy as np` and `import minisnn as ms`.
"""

from os.path import dirname as _folder_of, isfile as _is_file

if not _is_file(__file__):
    raise ImportError(
        f"minisnn cannot be used from an archive ({__file__}); expected it unpacked, as `pip "
        "install` does it"
    )

__version__ = "0.3.0"
# packages that `import *` leaves out
_ROOMS = ("data", "core", "meta", "network", "nir", "parallel", "plots", "training")


def _open() -> None:
    """Let lazy_loader read the stub next to this file
    (https://scientific-python.org/specs/spec-0001).

    This happens when a name is first needed: reading the stub takes longer than the rest of the
    import.
    """
    import lazy_loader

    get, _, public = lazy_loader.attach_stub(__name__, __file__)
    globals().update(
        __getattr__=get, __all__=[*(name for name in public if name not in _ROOMS), "__version__"]
    )


def __getattr__(name: str) -> object:
    # a module that is not imported yet: `from . import files` looks up the name before it imports
    if _is_file(f"{_folder_of(__file__)}/{name}.py"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    _open()
    return globals()["__all__"] if name == "__all__" else globals()["__getattr__"](name)


def __dir__() -> list[str]:
    if "__all__" not in globals():
        _open()
    return [*globals()["__all__"], *_ROOMS]
