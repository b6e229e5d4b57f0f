"""The edge learner in integers: inference, one-shot learning, float twins, export to C. Formats: README.md beside this file.

`IntegerNet` holds a quantised network, `Learner` says how its readout learns, `learn` carries that out, `one_shot` all of it:

    chip = IntegerNet.of(ms.read(path), Words(weight_bits=4, readout_bits=4))
    learned, u, accuracy = one_shot(chip, chip.learner(), task)

May use minisnn for data and float references; minisnn never imports it. The one list of public names is `__init__.pyi`.
"""


def _open() -> None:
    """Let lazy_loader read the stub when a first name is asked for, so that the command's help comes at once."""
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
