"""Every form of recordings is counted alike, and damage of any of them is one sentence that names the
file."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from sweeps import SENSOR, sweep

import minisnn as ms

EVENTS = sweep(1)
EVENTS["t"] -= EVENTS["t"][0]  # as .es is written
COLUMNS = {name: EVENTS[name].astype(np.int64) for name in "xytp"}
TABLE = np.stack([COLUMNS[name] for name in "txyp"], 1)


def array(names="x y t p", kinds="i2 i2 i8 i1"):
    """A structured array with columns of these names."""
    made = np.zeros(len(EVENTS), list(zip(names.split(), kinds.split())))
    for name, column in zip(made.dtype.names, "xytp"):
        made[name] = COLUMNS[column]
    return made


def text(names="x,y,t,p", mark=",", order="xytp", head=True):
    def write(path):
        rows = [mark.join(map(str, row)) for row in zip(*(COLUMNS[name] for name in order))]
        path.write_text("\n".join([names.replace(",", mark)] * head + rows) + "\n")

    return write


def hdf5(place="events/", names="x y t p", **options):
    def write(path):
        with h5py.File(path, "w") as file:
            for name, column in zip(names.split(), "xytp"):
                file.create_dataset(place + name, data=COLUMNS[column], **options)

    return write


def records(path):
    with h5py.File(path, "w") as file:
        file["events"] = array()


def matlab(**options):
    return lambda path: savemat(
        path, dict(ts=COLUMNS["t"], x=COLUMNS["x"], y=COLUMNS["y"], pol=COLUMNS["p"]), **options
    )


def matlab_73(path):
    names = dict(ts="t", x="x", y="y", pol="p")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, column in names.items():
            file[name] = COLUMNS[column][None]
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")


def n_mnist(path):  # whose bytes are held to those by hand elsewhere
    ms.write_nmnist(path, EVENTS)


def camera(path):
    faery = pytest.importorskip("faery")
    made = np.zeros(len(EVENTS), faery.EVENTS_DTYPE)
    for name, column in zip(("x", "y", "t", "on"), "xytp"):
        made[name] = COLUMNS[column]
    faery.events_stream_from_array(made, SENSOR[::-1]).to_file(path)


FORMS = {  # ending, writer, options
    "npy": (".npy", lambda path: np.save(path, array()), {}),
    "npy, other names": (
        ".npy",
        lambda path: np.save(path, array("col row timestamp polarity", "u2 u2 u8 ?")),
        {},
    ),
    "npy without names": (".npy", lambda path: np.save(path, TABLE), dict(columns="t,x,y,p")),
    "npz": (".npz", lambda path: np.savez(path, events=array()), {}),
    "npz of columns": (".npz", lambda path: np.savez_compressed(path, **COLUMNS), {}),
    "csv": (".csv", text(), {}),
    "csv, other names": (".csv", text("xs,ys,t_us,on"), {}),
    "txt": (".txt", text(mark=" "), {}),
    "tabs without names": (
        ".txt",
        text(mark="\t", order="tpyx", head=False),
        dict(columns="t,p,y,x"),
    ),
    "HDF5 group": (".h5", hdf5(), {}),
    "HDF5 of a camera": (".hdf5", hdf5("CD/events/"), {}),
    "HDF5 root, packed": (".h5", hdf5("", "xs ys ts ps", compression=4, fletcher32=True), {}),
    "HDF5 records": (".h5", records, {}),
    "MATLAB 5": (".mat", matlab(), {}),
    "MATLAB 7": (".mat", matlab(do_compression=True, oned_as="column"), {}),
    "MATLAB 7.3": (".mat", matlab_73, {}),
    "N-MNIST": (".bin", n_mnist, {}),
    "bs2": (".bs2", n_mnist, dict(sensor=SENSOR)),
    "es": (".es", camera, {}),
    "aedat4": (".aedat4", camera, {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_events(form, tmp_path):
    suffix, write, options = FORMS[form]
    path = tmp_path / f"recording{suffix}"
    write(path)
    np.testing.assert_array_equal(ms.read_events(path, **options), EVENTS)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("es", "aedat4")])
def test_damage_is_one_sentence_or_events(form, tmp_path, rng):
    suffix, write, options = FORMS[form]
    path = tmp_path / f"recording{suffix}"
    write(path)
    whole = path.read_bytes()
    for trial in range(60):
        content = np.frombuffer(whole, np.uint8).copy()
        content[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3)
        if trial % 3 == 0:
            content = content[: rng.integers(0, len(whole))]
        path.write_bytes(content.tobytes())
        try:
            assert ms.read_events(path, **options).dtype == EVENTS.dtype
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)


def columns_of(events, **changes):
    columns = {name: events[name].astype(np.int64) for name in "xytp"}
    return columns | {name: change(columns[name]) for name, change in changes.items()}


@pytest.mark.parametrize(
    "form, how",
    [
        (columns_of, {}),
        (lambda e: np.stack([e[name] for name in "txyp"], 1), dict(columns="t,x,y,p")),
        (lambda e: columns_of(e, t=lambda t: t / 1000), dict(time="ms")),
        (lambda e: columns_of(e, p=lambda p: 2 * p - 1), {}),
        (lambda e: columns_of(e, p=lambda p: p > 0), {}),
        (lambda e: e[np.random.default_rng(0).permutation(len(e))], {}),
    ],
)
def test_python_counts_them_alike(form, how):
    recordings = [sweep(k) for k in range(4)]
    counts = [
        ms.Recordings(events, list("aabb"), sensor=SENSOR, **options).pool.dense(np.arange(4))
        for events, options in ((recordings, {}), ([form(one) for one in recordings], how))
    ]
    np.testing.assert_array_equal(*counts)
