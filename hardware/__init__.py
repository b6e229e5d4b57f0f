"""The edge learner in integers: inference, one-shot learning, float twins, export to C.

"The chip", here and in the modules below, is a fixed-point model and not a product; README.md next
to this file gives its formats. `minisnn.hardware.loihi` is another one, a Loihi-style fixed-point
model: it has Loihi's neuron, words and learning.

`IntegerNet` holds a quantised network, and `Learner` says how its readout learns. `learn` carries
out the learning, and `one_shot` a whole task:

    chip = IntegerNet.of(ms.read(path), Words(weight_bits=4, readout_bits=4))
    learned, u, accuracy = one_shot(chip, chip.learner(), task)

This is `minisnn.hardware`; in a clone its folder is next to minisnn's. It may use all of minisnn,
which never imports it. The one list of public names is `__init__.pyi`.
"""


def _open() -> None:
    """Read the stub of public names only when a first name is needed, so that the command's help is
    quick."""
    import lazy_loader

    get, _, public = lazy_loader.attach_stub(__name__, __file__)
    globals().update(__getattr__=get, __all__=public)


def __getattr__(name: str) -> object:
    _open()
    return globals()["__all__"] if name == "__all__" else globals()["__getattr__"](name)


def __dir__() -> list[str]:
    if "__all__" not in globals():
        _open()
    return globals()["__all__"]
