"""A measurement: what was asked, what came out, with which code and on which processor. One JSON
file each.

title        what was measured, in a few words
kind         how its numbers are found in what the commands write: `kinds.KINDS`
commands     as they are typed; {out} stands for a place that the measurement chooses, {0} for that
             of its first command, {nmnist} for a folder of recordings
table, place the table of a page that it is a row of, and where in it
cells        texts of that row, by the names of the table's columns
detail       what else is to be said: what was tried, what was seen
figures      {name: figure}, see `figures`
more         anything else that came out and that a page or a reader may want, such as the accuracy
             of every episode
networks     {file of a shipped network: SHA-256 of its bytes}
measured     versions, processor, threads, seconds, date, and `code`, a hash of the code that the
             numbers depend on
"""

import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..data.store.shipped import shipped
from ..files import read_json, write_whole

LITERATURE = "literature.json"
TABLES = "tables.json"
NOT_RECORDS = (LITERATURE, TABLES)
CLASSIFIER = "double_nmnist_pretrained.h5"  # whose class means are the baseline `pretrained`
PLACE = re.compile(r"\{(\w+)\}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_NETWORK = re.compile(r"[\w./-]+\.h5")


@dataclass
class Record:
    """One measurement; see this module."""

    title: str
    kind: str
    commands: list[str]
    table: str = ""
    place: float = 0
    cells: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def asks(self) -> tuple[str, ...]:
        """Shipped networks that the commands name, and that of the baseline `pretrained`, where
        there is one."""
        found = [word for command in self.commands for word in _NETWORK.findall(command)]
        if any(name.endswith("pretrained") for name in self.figures):
            found.append(CLASSIFIER)
        return tuple(dict.fromkeys(word for word in found if "/" not in word))


def folder() -> Path:
    """Where the records lie that travel with minisnn."""
    return shipped("results")


def read(path: Path) -> Record:
    """A record. ValueError, naming the file and the field, where it is none."""
    from .kinds import KINDS

    if not _NAME.fullmatch(path.stem):
        raise ValueError(f"{path}: a record's name has small letters, digits and hyphens")
    values = read_json(path)
    known = set(Record.__dataclass_fields__)
    lacking = {"title", "kind", "commands"} - set(values)
    if lacking or set(values) - known:
        wrong = (
            f"lacks {', '.join(sorted(lacking))}"
            if lacking
            else f"has {', '.join(sorted(set(values) - known))}"
        )
        raise ValueError(
            f"{path}: a record {wrong}; expected fields {', '.join(Record.__dataclass_fields__)}"
        )
    record = Record(**values)
    if not isinstance(record.commands, list) or not all(
        isinstance(one, str) for one in record.commands
    ):
        raise ValueError(f"{path}: commands must be a list of texts, one a command")
    if record.kind not in KINDS:
        raise ValueError(f"{path}: kind is {record.kind!r}, expected one of {', '.join(KINDS)}")
    if not record.commands:
        raise ValueError(f"{path}: commands is empty, expected one or more")
    for number, command in enumerate(record.commands):
        if not command.strip():
            raise ValueError(f"{path}: command {number} is empty")
        for place in PLACE.findall(command):
            if place.isdigit() and int(place) >= number:
                raise ValueError(
                    f"{path}: command {number} has {{{place}}}, expected the number of a command "
                    "before it"
                )
    return record


def read_all(place: Path) -> dict[str, Record]:
    """All records of a folder, by name."""
    paths = sorted(path for path in place.glob("*.json") if path.name not in NOT_RECORDS)
    return {path.stem: read(path) for path in paths}


def update(path: Path, made: Record) -> None:
    """Write what was measured into the record as it is now: its texts may have changed meanwhile.
    ValueError where its commands have."""
    now = read(path)
    if now.commands != made.commands or now.kind != made.kind:
        raise ValueError(f"{path}: its commands changed as they were measured; measure it again")
    found = replace(now, figures=made.figures, more=made.more)
    write(path, replace(found, networks=made.networks, measured=made.measured))


def write(path: Path, record: Record) -> None:
    """Write a record; empty fields are left out."""
    text = json.dumps(
        {name: value for name, value in asdict(record).items() if value not in ("", 0, {}, [])},
        indent=1,
        ensure_ascii=False,
        allow_nan=False,
    )
    text = re.sub(r"[\[{]\n[^\[\]{}]*?\n\s*[\]}]", _in_a_line, text)
    write_whole(path, f"{text}\n".encode())


def _in_a_line(flat: re.Match) -> str:
    """A list or an object of plain values in one line; texts hold no newline in JSON."""
    first, *inner, last = flat[0].split("\n")
    return first + " ".join(one.strip() for one in inner) + last.strip()
