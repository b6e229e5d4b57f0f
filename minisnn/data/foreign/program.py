"""The program that reads files of others (`hdf5`) in a process of its own, for who starts it
(`process`).

    a request    a line of JSON {"do": ..., "file": number, "path": ..., "what": ..., ...}, then
                 `image` bytes of a file
    an answer    a line of JSON {"error": sentence} or {"value": ..., "arrays": [[name, dtype,
                 shape], ...]}, then their bytes
"""

import json
import math
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

# by its full name: as a program this file is in no package
from minisnn.data.foreign import hdf5
from minisnn.data.foreign.hdf5 import one_line

if TYPE_CHECKING:
    import h5py


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the source ends."""
    files: dict[int, h5py.File] = {}
    while line := source.readline():
        request = json.loads(line)
        try:
            _limit(time=request["seconds"])
            value, arrays = _answer(request, files, source.read(request["image"]))
            head = {
                "value": value,
                "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
            }
        except Exception as error:
            text = one_line(error)
            path = request["path"]
            head = {"error": text if path in text else f"{path}: {text}"}
            arrays = {}
        sink.write(json.dumps(head).encode() + b"\n")
        for array in arrays.values():
            sink.write(array.tobytes())
        sink.flush()


def _answer(request: dict, files: dict, image: bytes):
    """(value, arrays) of one request."""
    do = request["do"]
    path = Path(request["path"])
    number = request["file"]
    names: Any = request.get("names")
    most: Any = request.get("most")
    if do == "image":
        return hdf5.read_image(image, names, path)
    if do == "matlab":
        return None, hdf5.read_matlab(request["place"], names, path, most)
    if do == "events":
        return hdf5.read_camera(request["place"], path, most)
    if do == "close":
        if number in files:
            files.pop(number).close()
        return None, {}
    if number not in files:
        files[number] = hdf5.open_hdf5(path, request["what"], request["place"])
    file = files[number]
    if do == "tree":
        return hdf5.read_tree(file, path, most)
    if do == "numbers":
        return None, {name: hdf5.read_numbers(file, name, path, most) for name in names}
    if do == "rows":
        return hdf5.read_rows(file, names[0], path, request["rows"], most)
    if do == "texts":
        return hdf5.read_names(file, names[0], path), {}
    if do == "table":
        return hdf5.read_records(file, names[0], path, most)
    item = hdf5.find_item(file, names[0], path) if names else file
    if item is None:
        return None, {}
    data_set = hasattr(item, "shape")
    if do == "list":
        return None if data_set else hdf5.told(partial(list, item), path, "the file"), {}
    return "data set" if data_set else "group", {}


def _limit(time: float | None = None, memory: int | None = None) -> None:
    """End this process when it has used so many seconds of a processor from now on, or refuse it
    more memory."""
    try:
        import resource
    except ImportError:  # Windows; the asking process has a clock, too
        return
    limits = []
    if time is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limits.append((resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + time) + 1))
    if memory is not None and Path("/proc/self/statm").exists():
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        now = int(pages) * resource.getpagesize()
        limits += [(resource.RLIMIT_AS, now + memory), (resource.RLIMIT_CORE, 0)]
    for kind, wanted in limits:
        hard = resource.getrlimit(kind)[1]
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    import signal

    import h5py  # noqa: F401 - before memory is limited

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    _limit(memory=hdf5.MEMORY)
    serve(sys.stdin.buffer, sys.stdout.buffer)
