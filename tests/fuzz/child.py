"""Damaged files of readers, one after the other, in a process of its own; a line of JSON each for
what was wrong."""

import json
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

from readers import make_readers

SECONDS, BYTES, LETTERS = 5, 500_000_000, 1500


class TooLong(BaseException):
    pass


def peak() -> int:
    """Most bytes that this process has held; getrusage would count what its parent held when it was
    started."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def late(*_):
    raise TooLong


def verdict(read, path: Path) -> tuple[str, str]:
    """("read" or "refused" or what is wrong, message)."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        read(path)
        return "read", ""
    except TooLong:
        return "hang", f"more than {SECONDS} s"
    except (ValueError, OSError) as error:
        text = (
            f"{error.filename}: {error.strerror}"
            if isinstance(error, OSError) and error.strerror
            else str(error)
        )
        right = str(path) in text and "\n" not in text and len(text) < LETTERS
        return ("refused" if right else "no sentence that names the file", text)
    except BaseException as error:
        return "traceback", f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main(names: str, start: int, stop: int, folder: Path) -> None:
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, late)
    readers = make_readers(folder)
    for name in names.split(","):
        go_through(name, readers[name], range(start, stop), folder / name)


def go_through(name: str, reader, numbers: range, place: Path) -> None:
    """Read these inputs of one reader in a folder."""
    place.mkdir(exist_ok=True)
    for other, contents in reader.beside.items():
        (place / other).write_bytes(contents)
    path = place / reader.name
    for seed in reader.seeds:
        path.write_bytes(seed)
        reader.read(path)  # what is not damaged is read
    counts = {"read": 0, "refused": 0}
    beside = sorted(one.name for one in place.iterdir() if one.name != "set")
    slowest = 0.0
    for number in numbers:
        path.write_bytes(reader.input(number))
        print(json.dumps({"at": number}), flush=True)
        began = time.process_time()
        found, text = verdict(reader.read, path)
        slowest = max(slowest, time.process_time() - began)
        if found in counts:
            counts[found] += 1
        else:
            print(
                json.dumps({"wrong": number, "what": f"{name}: {found}", "text": text[:500]}),
                flush=True,
            )
        left = sorted(one.name for one in place.iterdir() if one.name != "set")
        if left != beside:
            print(
                json.dumps({"wrong": number, "what": "files left behind", "text": str(left)}),
                flush=True,
            )
    if peak() > BYTES:
        print(
            json.dumps({"wrong": -1, "what": "memory", "text": f"{peak() / 1e6:.0f} MB"}),
            flush=True,
        )
    print(
        json.dumps({"counts": counts, "megabytes": peak() / 1e6, "slowest": slowest}),
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
