"""Files that commands wrote, and files as other programs might write them."""

import json
from pathlib import Path

import h5py


def read_json(path) -> dict:
    return json.loads(Path(path).read_text())


def rewrite(path, new, change):
    """A checkpoint with its contents changed: what another program might write."""
    new.write_bytes(path.read_bytes())
    with h5py.File(new, "r+") as file:
        change(file)
    return new


def edit(file, name, old, new):
    """Replace a part of a text attribute of a checkpoint."""
    text = file.attrs[name].decode()
    assert old in text
    file.attrs[name] = text.replace(old, new)
