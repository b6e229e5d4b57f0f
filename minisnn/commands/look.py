"""What `minisnn info` says of recordings of your own: a file of them, or a folder; and the command
that trains on a folder."""

import argparse
import hashlib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data.readers.anything import (
    Entry,
    entries,
    read_entry,
    read_events,
    sensor_of,
    sensor_of_all,
)
from ..data.sets.given import check_taken, classes_of, dealt_by, of_one_group, tell_unused
from ..data.readers.spoken import forget
from ..data.readers.units import as_picture, in_words, is_row
from ..data.sets.statistics import oddities, recording_statistics, unit_statistics
from ..plots import plot_sheet, save
from ..training.fields import SOUNDS
from .options import FORMS

MOST_SHOWN = 6  # recordings of a class on a contact sheet
MOST_TOLD, MOST_ALIKE = 20, 3  # lines of what looks wrong, and of the same fault
MOST_CELLS = 32  # along a side, that a larger sensor is brought to in the command that is proposed
SENSORS = (
    (34, 34),
    (128, 128),
    (180, 240),
    (240, 304),
    (260, 346),
    (480, 640),
    (720, 1280),
)  # rows, columns of cameras
WAYS = 5
STEPS = 100  # of a recording of units in the command that is proposed
ROUND = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # ms of a step
CHANNELS = (16, 32, 64)  # of the preset that the command starts from


def look_at_file(path: Path, args: argparse.Namespace) -> None:
    """A recording: its sensor, statistics, and what looks wrong."""
    check_taken([Entry(path, "")], str(path), time=args.time, columns=args.columns)
    sensor = args.sensor or sensor_of(path)
    events = read_events(path, args.time, _rows(path, args, sensor), args.sensor, args.columns)
    if sensor is None and _row(events):
        sensor = (int(events["x"].max()) + 1,)
    pixels = "a sensor that the file does not tell" if sensor is None else in_words(sensor)
    form = "N-MNIST recording" if path.suffix.lower() in (".bin", ".bs2") else "recording"
    print(f"{path}: {form}, {len(events)} events of {pixels}")
    for what in oddities(events, sensor):
        print(f"looks wrong: {what}")
    if is_row(sensor):
        for name, value in unit_statistics([events]).items():
            print(f"{name:<32}{short(value):>12}")
        return
    shape = sensor or (int(events["y"].max()) + 1, int(events["x"].max()) + 1)
    for name, value in recording_statistics([events], shape).items():
        if not name.startswith(
            ("events, ", "last event, e", "last event, l") + ("saccade",) * (sensor != (34, 34))
        ):
            print(f"{name.replace(', mean', ''):<32}{short(value):>12}")


def look_at_folder(root: Path, args: argparse.Namespace) -> None:
    """Recordings of your own: classes, rates, and what looks wrong in a sample of them; a contact
    sheet of it."""
    found = entries(root)
    check_taken(found, str(root), time=args.time, columns=args.columns)
    labels = sorted({one.label for one in found})
    wrong: list[tuple[str, str]] = []
    to_mend: list[str] = []
    try:
        dealt_by(found, str(root))
    except ValueError as error:
        wrong.append(("the splits", str(error).removeprefix(f"{root}: ")))
        to_mend.append("the splits")
    sensor = args.sensor
    if sensor is None:
        try:
            sensor = sensor_of_all(found)
        except ValueError as error:
            wrong.append(("all of them", str(error)))
            to_mend.append("--sensor")
    flip = _rows(root, args, sensor)
    pixels = "of a sensor that they do not tell (--sensor)"
    pixels = pixels if sensor is None else f"of {in_words(sensor)}"
    print(f"{root}: {_many(len(found), 'recording')} of {_many(len(labels), 'class')}, {pixels}")
    chosen = [
        found[k]
        for k in np.unique(np.linspace(0, len(found) - 1, min(args.sample, len(found))).astype(int))
    ]
    rates: dict[str, list[float]] = {label: [] for label in labels}
    shown: dict[str, list] = {label: [] for label in labels}
    met: dict[bytes, str] = {}
    spans, reach, row = [], (0, 0), sensor is None
    for one in chosen:
        try:
            events = read_entry(one, args.time, flip, sensor, args.columns)
        except ValueError as error:
            wrong.append((one.name, str(error).removeprefix(f"{one.name}: ")))
            to_mend.append(one.name)
            continue
        spans.append(max(float(np.ptp(events["t"])), 1.0) / 1e6)
        rates[one.label].append(len(events) / spans[-1])
        row = row and _row(events)
        if _beyond(events, sensor):
            to_mend.append(one.name)
        reach = max(reach[0], int(events["y"].max()) + 1), max(reach[1], int(events["x"].max()) + 1)
        known = (int(events["x"].max()) + 1,) if sensor is None and _row(events) else sensor
        wrong += [(one.name, what) for what in oddities(events, known)]
        if (
            twin := met.setdefault(hashlib.sha256(events.tobytes()).digest(), one.name)
        ) != one.name:
            wrong.append(
                (
                    one.name,
                    f"has the same events as {twin}: one recording would be in support and in "
                    "query",
                )
            )
        if args.sheet is not None and len(shown[one.label]) < MOST_SHOWN:
            title = one.name.rpartition("/")[2] if one.key is None else f"recording {one.key}"
            shown[one.label].append((title, events))
    forget()
    lone = of_one_group(found)
    print(f"{'class':<20}{'recordings':>12}{'events a second':>18}")
    for label in labels:
        number = sum(one.label == label for one in found)
        rate = rates[label]
        print(
            f"{label[:19]:<20}{number:>12}" + (f"{np.mean(rate):>18,.0f}" if rate else f"{'?':>18}")
        )
        if number < 2:
            to_mend.insert(0, label)
            wrong.append(
                (
                    label,
                    "has one recording; expected two, one for support and one for query (parts "
                    "that --hop-ms cuts of it stay on one side)",
                )
            )
        if label in lone:
            wrong.append(
                (
                    label,
                    "all its recordings are of one subject, or parts of one; expected two, one for "
                    "support and one for query",
                )
            )
    print(
        f"guessing one of all classes is right in {100 / len(labels):.1f} %; {len(chosen)} "
        f"recording{'s were' if len(chosen) != 1 else ' was'} looked at"
    )
    if sensor is not None and reach[0]:
        sides = as_picture(sensor)
        furthest = (1,) if is_row(sensor) else (0, 1)
        far = f"unit {reach[1] - 1}" if is_row(sensor) else f"x {reach[1] - 1} and y {reach[0] - 1}"
        if max(reach[axis] / sides[axis] for axis in furthest) < 0.5:
            words = f"reach {far} only: is the sensor smaller (--sensor)?"
            wrong.append(("all of them", words))
    _tell(wrong)
    if args.sheet is not None:
        known = (reach[1],) if row and spans else sensor
        print(save(plot_sheet(shown, known), args.sheet))
    of_units = row or is_row(sensor)  # the command that is proposed says how long they are
    if spans and not of_units and not 80 < (lasting := 1000 * float(np.median(spans))) < 125:
        print(
            f"they last {lasting:,.0f} ms (median); 100 ms from the first event on are used unless "
            "--duration-ms says otherwise"
        )
    if not spans:
        print("this command then says how to train on them")
        return
    if to_mend:
        return _fix_first(to_mend)
    propose(root, args, found, sensor, reach, spans, row)


def _fix_first(to_mend: list[str]) -> None:
    """What must be mended before a command is proposed."""
    more = f" and {len(to_mend) - MOST_ALIKE} more" * (len(to_mend) > MOST_ALIKE)
    print(
        f"fix first: {', '.join(to_mend[:MOST_ALIKE])}{more}; this command then says how to "
        "train on them"
    )


def _many(number: int, what: str) -> str:
    """So many of something, in words."""
    return f"{number} {what}{'' if number == 1 else 'es' if what.endswith('s') else 's'}"


def short(value: float) -> str:
    """A number of four digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _rows(root: Path, args: argparse.Namespace, sensor: tuple[int, ...] | None) -> int | None:
    """Rows from which y counts, where it grows upwards."""
    if args.flip_y and is_row(sensor):
        raise ValueError(f"{root}: --flip-y turns pictures over; units have no rows, leave it out")
    if args.flip_y and sensor is None:
        raise ValueError(
            f"{root}: --flip-y counts y from the last row, and its files do not say how many there "
            "are; give --sensor"
        )
    return sensor[0] if args.flip_y and sensor is not None else None


def _beyond(events, sensor: tuple[int, ...] | None) -> bool:
    """Whether events lie outside of the sensor."""
    sides = () if sensor is None else zip("yx", as_picture(sensor))
    return any(events[axis].min() < 0 or events[axis].max() >= size for axis, size in sides)


def _tell(wrong: list[tuple[str, str]]) -> None:
    """What looks wrong, of the same fault a few alone."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, what in wrong:
        alike.setdefault(re.sub(r"[\d.,]+", "#", what)[:40], []).append((name, what))
    lines = []
    for some in alike.values():
        lines += [f"looks wrong: {name}: {what}" for name, what in some[:MOST_ALIKE]]
        if len(some) > MOST_ALIKE:
            lines.append(f"looks wrong: {len(some) - MOST_ALIKE} more like it")
    print(*lines[:MOST_TOLD], sep="\n", end="\n" * bool(lines))
    if len(lines) > MOST_TOLD:
        print(f"looks wrong: {len(lines) - MOST_TOLD} more")


def _to_tell_apart(found: list) -> str | None:
    """What classes lack that an ordinary classifier is to tell apart, in words; None where they are
    enough."""
    named = {one.split for one in found}
    least = {None: 6} if named == {None} else {"train": 2 if "val" in named else 4, "test": 2}
    least |= {"val": 2} if "val" in named else {}
    if not named <= set(least):
        return "some recordings name no split; expected all of them to, or none"
    for label in sorted({one.label for one in found}):
        for split, number in least.items():
            there = len({one.name for one in found if one.label == label and one.split == split})
            if there < number:
                where = "two each to train, validate and test" if split is None else f"in {split}"
                return (
                    f"{label} has {_many(there, 'recording')}; expected {number} or more, {where}"
                )
    return None


def _of_pictures(sensor: tuple[int, int]) -> list[str]:
    """Flags that bring a sensor's pixels to a size for conv layers."""
    flags = []
    coarse = -(-max(sensor) // MOST_CELLS) if max(sensor) > MOST_CELLS + 8 else 1
    cells = -(-sensor[0] // coarse), -(-sensor[1] // coarse)
    if coarse > 1:
        flags.append(f"--size {cells[0]},{cells[1]}")
    halvings = min(cells).bit_length() - 1  # conv layers that may pool so few cells
    if halvings < len(CHANNELS):
        widths = ",".join(map(str, CHANNELS[:halvings]))
        flags.append(f"--channels {widths}" if widths else "--channels none --hidden 64")
    return flags


def _of_units(spans: Sequence[float]) -> list[str]:
    """Flags for recordings of units, which last so many seconds: STEPS steps that hold the longest,
    all differentiated, and no conv layers."""
    longest = 1000 * max(spans, default=0.0)
    flags = []
    if longest > STEPS:
        step = next(one for one in ROUND if one * STEPS >= min(longest, ROUND[-1] * STEPS))
        flags.append(f"--bin-ms {step} --duration-ms {step * STEPS}")
    return [*flags, f"--window {STEPS} --channels none --hidden 128 --step-size 0.2"]


def _row(events: np.ndarray) -> bool:
    """Whether the events of a recording are of a row of units, and no picture."""
    return not (events["y"].any() or np.ptp(events["p"]))


def propose(
    root: Path,
    args: argparse.Namespace,
    found: list,
    sensor: tuple[int, ...] | None,
    reach: tuple[int, int],
    spans: Sequence[float] = (),
    row: bool = False,
) -> None:
    """The command that trains on them, as they were looked at; spans: seconds that they last; row:
    of units, which they do not number."""
    number = len({one.label for one in found})
    dealt_by(found, str(root))  # a ValueError of its own, unlike that of too few classes
    try:
        parts = {split: len(names) for split, names in classes_of(found, 0, str(root)).items()}
    except ValueError:
        parts = dict.fromkeys(("train", "val", "test"), 0)
    flags = []
    if sensor is None and row:
        sensor = reach[1:]
        print(
            f"their files do not say how many units there are; events reach unit {reach[1] - 1}: "
            "replace --sensor by their number"
        )
        flags.append(f"--sensor {sensor[0]}")
    elif sensor is None:
        in_a_row = 1 in reach  # as those of a line are, and no camera's pixels
        fits = (
            one for one in SENSORS if one[0] >= reach[0] and one[1] >= reach[1] and not in_a_row
        )
        sensor = next(fits, reach)
        print(
            f"their files do not say how large the sensor is; events reach x {reach[1] - 1} and y "
            f"{reach[0] - 1}, so that it "
            f"may have {in_words(sensor)}: replace --sensor by yours"
        )
        flags.append(f"--sensor {sensor[0]},{sensor[1]}")
    for name, value in {name: getattr(args, name) for name in FORMS if name in args.given}.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else shlex.quote(str(value))
        flags.append(f"--{name.replace('_', '-')}" + ("" if value is True else f" {text}"))
    flags += _of_units(spans) if is_row(sensor) else _of_pictures(as_picture(sensor))
    ways = min(WAYS, *parts.values())
    if ways < 2:
        ways = min(WAYS, parts["train"])
        print(
            f"{_many(number, 'class')} {'is' if number == 1 else 'are'} too few to "
            "meta-train, validate and test: expected 6 or more, two for each"
        )
        if ways < 2:
            if number < 2 or (lacks := _to_tell_apart(found)):
                print(
                    "to tell classes apart, with --rule classify: "
                    f"{lacks if number > 1 else 'expected two classes or more'}"
                )
                return
            print(
                "an ordinary classifier can tell them apart, and is tested on recordings that it "
                "did not learn from"
            )
            flags.append(f"--rule classify --queries {number}")
        else:
            flags.append("--evaluate-every 0 --test-episodes 0")
    if ways >= 2:
        if lone := of_one_group(found):
            return _fix_first(lone)
        tell_unused(found, str(root))
        flags += [f"--ways {ways}"] * (ways < WAYS)
    print(
        f"train on them with: minisnn train --dataset recordings --root {shlex.quote(str(root))} "
        f"{' '.join(flags)}".rstrip()
    )
    if name := next((one for one in SOUNDS if root.name.startswith(f"{one}_")), None):
        folder = shlex.quote(str(root.parent))
        print(f"words as the literature has them: minisnn train --dataset {name} --root {folder}")
