"""Records of measurements, a JSON file each: commands, figures, date and processor.

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
measured     commands, versions, processor, threads, seconds, date
"""

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from minisnn.files import read_json, write_whole

FOLDER = Path(__file__).resolve().parent
LITERATURE = "literature.json"
TABLES = "tables.json"


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
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """ "missing", "other commands" than those it was measured by, or "measured"."""
        if not self.figures:
            return "missing"
        same = self.measured.get("commands") == self.commands
        return "measured" if same else "other commands"


def read(path: Path) -> Record:
    """A record."""
    return Record(**read_json(path))


def read_all(folder: Path = FOLDER) -> dict[str, Record]:
    """All records of a folder, by name."""
    paths = sorted(path for path in folder.glob("*.json") if path.name not in (LITERATURE, TABLES))
    return {path.stem: read(path) for path in paths}


def update(name: str, made: Record, folder: Path = FOLDER) -> None:
    """Write new measurements into the record as it is now: its texts may have changed meanwhile."""
    path = folder / f"{name}.json"
    write(path, replace(read(path), figures=made.figures, more=made.more, measured=made.measured))


def write(path: Path, record: Record) -> None:
    """Write a record; empty fields are left out, and a list or an object of plain values is one
    line."""
    fields = {name: value for name, value in vars(record).items() if value not in ("", 0, {}, [])}
    text = json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False)
    inner = re.compile(r"(?<=[\[{])\n\s*([^\[\]{}]*?)\n\s*(?=[\]}])")
    text = inner.sub(lambda flat: re.sub(r"\n\s*", " ", flat[1]), text)
    write_whole(path, f"{text}\n".encode())
