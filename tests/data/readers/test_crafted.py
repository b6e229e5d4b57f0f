"""Files made to do harm: none runs code, follows a link out of itself, takes the memory or ends the
process."""

import ast
import io
import os
import pickle
import textwrap
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

import minisnn as ms
from minisnn.training import checkpoint
from minisnn.data.foreign import hdf5, process as foreign
from minisnn.data.readers.asl import read_asl
from minisnn.data.sets.digits import load_digits
from minisnn.data.readers.pictures import read_idx, read_pictures
from minisnn.files import read_json
from minisnn.training.folder import RunFolder
from written import rewrite

ROOT = Path(__file__).resolve().parents[3]


class Payload:
    """What unpickles to a call of os.mkdir."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.fixture
def payload(tmp_path):
    yield Payload(tmp_path / "executed")
    assert not (tmp_path / "executed").exists(), "code in a file was executed"


def test_pickles_are_not_opened(payload, tmp_path):
    objects = np.array([payload], object)
    np.savez(tmp_path / "a.npz", images=objects, labels=objects, numbers=objects)
    (tmp_path / "set" / "label").mkdir(parents=True)
    np.save(tmp_path / "set" / "label" / "a.npy", objects)
    (tmp_path / "c.h5").write_bytes(pickle.dumps(payload))
    (tmp_path / "a_0001.mat").write_bytes(pickle.dumps(payload).ljust(600))
    for read, path in (
        (read_pictures, "a.npz"),
        (load_digits, "a.npz"),
        (read_pictures, "set"),
        (checkpoint.read, "c.h5"),
        (read_asl, "a_0001.mat"),
    ):
        with pytest.raises(ValueError, match=path):
            read(tmp_path / path)
    with pytest.raises(OSError):
        pickle.loads(pickle.dumps(Payload(tmp_path / "no" / "where")))  # it would have been


def test_the_source_can_run_no_code_of_a_file():
    """No pickle, eval, exec, shell; arrays are loaded without objects."""
    modules = {
        "pickle",
        "marshal",
        "shelve",
        "dill",
        "cloudpickle",
        "joblib",
        "yaml",
        "torch",
        "code",
        "runpy",
    }
    calls = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
    seen = 0
    for path in [*(ROOT / "minisnn").rglob("*.py"), *(ROOT / "hardware").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
                assert not modules & {name.split(".")[0] for name in names}, path
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if name == "loadmat":
                assert path.name == "hdf5.py", (
                    "scipy reads in the reading process alone, which it may crash"
                )
            if name == "compile":  # of syntax trees that were read from a class: nothing runs
                assert path.name == "made.py" and path.parent.name == "translation", path
                continue
            assert name not in calls and not name.endswith("literal_eval"), (
                f"{path}:{node.lineno}: {name}"
            )
            given = {word.arg: word.value for word in node.keywords}
            assert not getattr(given.get("shell"), "value", False), f"{path}:{node.lineno}: a shell"
            if name in ("np.load", "np.lib.format.read_array", "np.lib.format.write_array"):
                seen += 1
                assert getattr(given.get("allow_pickle"), "value", None) is False, (
                    f"{path}:{node.lineno}: allow_pickle"
                )
    assert seen >= 3


# ---- checkpoints of somebody who can write a checksum


@pytest.fixture
def saved(tmp_path):
    net = ms.SpikingNet((4, 4, 2), (2,), 2, 3, backend="numpy")
    ms.save(tmp_path / "good.h5", net, net.init(np.random.default_rng(0)))
    return tmp_path / "good.h5"


def external_link(file, other):
    del file["theta"]
    file["theta"] = h5py.ExternalLink(str(other), "theta")


def soft_link(file, other):
    file.move("theta", "elsewhere")
    file["theta"] = h5py.SoftLink("/elsewhere")


def virtual(file, other):
    shape = file["theta"].shape
    del file["theta"]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(str(other), "theta", shape)
    file.create_virtual_dataset("theta", layout)


def outside_storage(file, other):
    size = file["theta"].size
    del file["theta"]
    file.create_dataset("theta", (size,), "f4", external=[(str(other), 600, 4 * size)])


def absurd(file, other):
    del file["theta"]
    file.create_dataset("theta", (1 << 45,), "f4", chunks=(1 << 10,))


def absurd_chunks(file, other):
    del file["theta"]
    file.create_dataset("theta", (100,), "f4", maxshape=(None,), chunks=(1 << 29,))


def bomb(file, other):
    item = file.create_dataset(
        "optimiser/outer/m", (1 << 26,), "f4", compression="gzip", chunks=(1 << 22,)
    )
    packed = zlib.compress(bytes(1 << 24), 1)
    for start in range(0, 1 << 26, 1 << 22):
        item.id.write_direct_chunk((start,), packed)


def plugin(file, other):
    values = file["theta"][:]
    del file["theta"]
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((len(values),))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple(values.shape)
    item = h5py.h5d.create(file.id, b"theta", h5py.h5t.IEEE_F32LE, space, properties)
    item.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def reference(file, other):
    del file.attrs["network"]
    file.attrs["network"] = file["theta"].ref


def objects(file, other):
    del file.attrs["network"]
    file.attrs.create("network", np.void(pickle.dumps(os.getcwd)))


def many_layers(file, other):
    text = file.attrs["network"].replace(
        '"channels": [2]', f'"channels": [{", ".join(["2"] * 9000)}]'
    )
    del file.attrs["network"]
    file.attrs["network"] = text


def huge(file, other):
    file.attrs["network"] = file.attrs["network"].replace(
        '"hidden": []', '"hidden": [99999999999, 99999999999]'
    )


def beyond(file, other):
    text = file.attrs["network"].replace('"alpha": 0.95', f'"alpha": {10**400}')
    del file.attrs["network"]
    file.attrs["network"] = text


def deep(file, other):
    del file.attrs["layout"]
    file.attrs["layout"] = "[" * 30_000


@pytest.mark.parametrize(
    "change, words",
    [
        (external_link, "theta is a link to another place or file"),
        (soft_link, "theta is a link to another place or file"),
        (virtual, "theta lies in other files"),
        (outside_storage, "theta lies in other files"),
        (absurd, f"theta asks for {1 << 45} values"),
        (absurd_chunks, f"theta asks for {1 << 29} values"),
        (bomb, "optimiser/outer/m asks for 67108864 values"),
        (plugin, "theta is packed by filter 32015; expected one of deflate"),
        (reference, "the attribute network is not text"),
        (objects, "attribute network cannot be read"),
        (many_layers, "name 9000 layers, expected at most 100"),
        (huge, "the network would have"),
        (beyond, "finite number"),
        (deep, "lacks required parts"),
    ],
)
def test_crafted_checkpoints_are_refused(saved, tmp_path, change, words):
    bad = tmp_path / f"{change.__name__}.h5"
    rewrite(saved, bad, lambda file: change(file, saved))
    with pytest.raises(ValueError, match=rf"{change.__name__}\.h5: .*{words}") as error:
        ms.load(bad)
    assert "\n" not in str(error.value) and len(str(error.value)) < 800


def test_settings_that_nest_without_end_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="config.json: the file is not JSON"):
        RunFolder(tmp_path).config()


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"lr": ' + "1" * 5000 + "}", "the file is not JSON"),
        (f'{{"lr": {10**400}}}', "too large"),
        ('{"shots": "' + "x" * 5000 + '"}', "shots must be a whole number"),
        ('{"a\\nb": 1}', r"unknown settings 'a\\nb'"),
    ],
)
def test_settings_of_any_value_are_refused_in_a_line(tmp_path, text, words):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=words) as error:
        RunFolder(tmp_path).config()
    assert str(error.value).startswith(f"{tmp_path / 'config.json'}: ")
    assert "\n" not in str(error.value) and len(str(error.value)) < 800


# ---- recordings and pictures


def test_recordings_packed_by_a_plugin_are_refused(tmp_path):
    with h5py.File(tmp_path / "a_0001.mat", "w") as file:
        file["theta"] = np.arange(9, dtype="f4")
        plugin(file, None)
        for name in ("ts", "x", "y", "pol"):
            file[name] = file["theta"]
    with pytest.raises(ValueError, match="a_0001.mat: ts is packed by filter 32015"):
        read_asl(tmp_path / "a_0001.mat")


def test_bombs_are_not_unpacked(tmp_path):
    import gzip

    big = 1 << 28
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(b"\0\0\x08\3" + b"".join(n.to_bytes(4, "big") for n in (big >> 10, 32, 32)))
        for _ in range(64):
            file.write(bytes(1 << 20))
    (tmp_path / "images-idx3").write_bytes(packed.getvalue())
    with pytest.raises(
        ValueError, match=f"images-idx3: .* announces {big} bytes, more than such a file holds"
    ):
        read_idx(tmp_path / "images-idx3")
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, dict(descr="|u1", fortran_order=False, shape=(1 << 15, 64, 64))
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("images.npy", head.getvalue() + bytes(1 << 26))
    with pytest.raises(
        ValueError, match=r"a.npz: .*images.npy unpacks to \d+ bytes, more than pictures would"
    ):
        read_pictures(tmp_path / "a.npz")


def test_pictures_of_absurd_size_or_of_another_kind_are_refused(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin, Image

    started = []
    monkeypatch.setattr(
        EpsImagePlugin, "Ghostscript", lambda *_, **__: started.append(1) or Image.new("L", (9, 9))
    )
    (tmp_path / "set" / "a").mkdir(parents=True)
    place = tmp_path / "set" / "a" / "p.png"
    Image.new("1", (5000, 5000)).save(place)
    with pytest.raises(ValueError, match="p.png: .*5000 x 5000 pixels"):
        read_pictures(tmp_path / "set")
    place.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n")
    with pytest.raises(ValueError, match="p.png: not readable as a picture"):
        read_pictures(tmp_path / "set")
    assert not started, "a program of the system was started on a file of somebody else"


def test_devices_and_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    os.mkfifo(tmp_path / "a_0001.mat")
    for read, path in (
        (read_pictures, "a.npz"),
        (read_asl, "a_0001.mat"),
        (checkpoint.read, "a.npz"),
        (ms.read_nmnist, "a.npz"),
        (read_idx, "a.npz"),
    ):
        with pytest.raises(ValueError, match=f"{path}: this is a device or a pipe; expected"):
            read(tmp_path / path)
    with pytest.raises(ValueError, match="/dev/zero: this is a device"):
        ms.read_nmnist("/dev/zero")


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(),
    reason="this system has no file that cannot be read at its beginning",
)
def test_a_disk_that_cannot_be_read_is_named_by_its_file():
    """Reading this file gives EIO, of which the system does not say where."""
    path = "/proc/self/mem"
    for read in (
        ms.read_nmnist,
        read_asl,
        read_idx,
        read_pictures,
        checkpoint.read,
        load_digits,
        read_json,
    ):
        with pytest.raises((OSError, ValueError)) as error:
            read(Path(path))
        assert path in str(error.value), (read, error.value)


def test_labels_that_are_numbers_of_any_length_are_sorted_by_value(tmp_path):
    labels = ["9" * 5000, "10", "9", "a", "010", "1" + "0" * 5000]
    np.savez(tmp_path / "a.npz", images=np.zeros((6, 3, 3), np.uint8), labels=np.array(labels))
    assert read_pictures(tmp_path / "a.npz").names == (
        "9",
        "010",
        "10",
        "9" * 5000,
        "1" + "0" * 5000,
        "a",
    )


def test_events_are_not_taken_for_pictures(tmp_path):
    columns = {name: np.zeros(5, int) for name in "xytp"}
    np.savez(tmp_path / "a.npz", **columns)
    with pytest.raises(ValueError, match=r"a.npz: holds events \(x, y, t, p\) and no pictures"):
        read_pictures(tmp_path / "a.npz")


# ---- the reading process


@pytest.fixture
def reading(monkeypatch, tmp_path):
    """A reading process in which `read_image` is another function."""

    def put(body: str) -> None:
        program = tmp_path / "program.py"
        program.write_text(
            "import os, signal, sys\nfrom minisnn.data.foreign import hdf5, program\n"
            f"def read_image(image, texts, path):\n{textwrap.indent(body, '    ')}\n"
            "hdf5.read_image = read_image\nprogram._limit(memory=hdf5.MEMORY)\n"
            "program.serve(sys.stdin.buffer, sys.stdout.buffer)\n"
        )
        monkeypatch.setattr(foreign, "PROGRAM", program)
        monkeypatch.setattr(foreign, "SECONDS", 0)
        foreign._reader.end()

    yield put
    foreign._reader.end()


@pytest.mark.parametrize(
    "body, words",
    [
        (
            "os.kill(os.getpid(), signal.SIGSEGV)",
            r"the library that reads it crashed \(SIGSEGV\), the file is damaged",
        ),
        ("while True: pass", "the library that reads it did not end within 0 seconds of CPU time"),
        ("return {}, {'theta': hdf5.np.zeros(1 << 31, 'u1')}", "Unable to allocate"),
        (
            "print('no JSON'); sys.stdout.flush(); os._exit(0)",
            "the library that reads it failed, the file is damaged",
        ),
        (
            "return {}, {'theta': hdf5.np.array([b'abc'])}",
            "the library that reads it failed, the file is damaged",
        ),
        ("os._exit(3)", "the library that reads it failed, the file is damaged"),
    ],
)
@pytest.mark.every(3)
def test_what_ends_the_reading_process_is_told(saved, reading, monkeypatch, body, words):
    reading(body)
    with pytest.raises(ValueError, match=f"good.h5: the checkpoint lacks required parts .*{words}"):
        ms.load(saved)
    monkeypatch.undo()
    if "allocate" in words:  # it has survived
        foreign._reader.end()
    assert ms.load(saved)[1].size  # the next file is read by a new one


def test_a_reading_process_that_does_nothing_is_ended_by_the_clock(saved, reading, monkeypatch):
    reading("import time; time.sleep(600)")
    monkeypatch.setattr(foreign, "PATIENCE", 0.5)
    with pytest.raises(
        ValueError, match="good.h5: .*the library that reads it did not end, the file is damaged"
    ):
        ms.load(saved)


@pytest.mark.skipif(
    not Path("/proc/self/limits").exists(),
    reason="this system does not tell the limits of a process",
)
def test_a_reading_process_may_not_take_all_memory(saved):
    ms.load(saved)
    limits = Path(f"/proc/{foreign._reader.process.pid}/limits").read_text().splitlines()
    [space] = [line.split()[3] for line in limits if line.startswith("Max address space")]
    assert int(space) < hdf5.MEMORY + 3e9


def test_a_question_that_is_stopped_leaves_no_answer_for_the_next(saved, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    ms.load(saved)
    with monkeypatch.context() as patch:
        patch.setattr(foreign._Reader, "_answer", staticmethod(stop))
        with pytest.raises(KeyboardInterrupt):
            ms.load(saved)
    assert foreign._reader.process is None and ms.load(saved)[1].size


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_reads_by_a_process_of_its_own(saved):
    ms.load(saved)
    mine, (read, write) = foreign._reader.process.pid, os.pipe()
    child = os.fork()
    if not child:
        try:
            size = ms.load(saved)[1].size
            os.write(write, f"{size} {foreign._reader.process.pid}".encode())
            foreign._reader.end()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    size, other = os.read(read, 100).split()
    assert int(size) == ms.load(saved)[1].size and int(other) != mine == foreign._reader.process.pid


def test_all_that_is_in_a_tree_is_counted_together(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["b/c"], file["b/text"] = np.zeros(600), np.zeros(300), ["x"] * 100
        assert set(hdf5.read_tree(file, tmp_path, 1000)[1]) == {"a", "b/c"}
        with pytest.raises(ValueError, match="expected at most"):
            hdf5.read_tree(file, tmp_path, 999)
        del file["b/text"]
        monkeypatch.setattr(hdf5, "ITEMS", 3)
        assert len(hdf5.read_tree(file, tmp_path, 1000)[1]) == 2
        monkeypatch.setattr(hdf5, "ITEMS", 2)
        with pytest.raises(
            ValueError, match="lies too deep or among too many; expected at most 2 names"
        ):
            hdf5.read_tree(file, tmp_path, 1000)


def test_a_reading_process_that_died_in_between_is_started_again(saved):
    ms.load(saved)
    foreign._reader.process.kill()
    foreign._reader.process.wait()
    assert ms.load(saved)[1].size
