"""Files as other programs might write them."""

import json

import h5py

from minisnn.data.store import sealed


def rewrite(path, new, change):
    """A checkpoint with its HDF5 part changed and its header made right again: what another program
    might write."""
    new.write_bytes(path.read_bytes())
    with h5py.File(new, "r+") as file:
        change(file)
    body = new.read_bytes()[sealed.HEADER :]
    header = dict(
        format=sealed.FORMAT,
        version=sealed.VERSION,
        length=len(body),
        sha256=sealed.hashlib.sha256(body).hexdigest(),
    )
    new.write_bytes(json.dumps(header).encode().ljust(sealed.HEADER) + body)
    return new
