"""The folder of a training run: its files, and the rule that nothing is overwritten unasked.

config.json     settings and origin          checkpoint.h5   parameters and everything to resume
log.csv         a row per update             curve.png       the learning curve
result.json     accuracy on the test tasks, once the run is done
"""

import math
import os
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from .. import stopping
from ..data.sets.named import Opened, runs_code
from ..files import held, read_json, write_json, write_whole
from ..plots import drawing, plot_learning_curve
from .checkpoint import CURRENT, Checkpoint, read
from .origin import PYTHON, TRAIN, Origin
from .settings import TrainingConfig
from .update import MODEL, Own

FILES = ("config.json", CURRENT, "log.csv", "curve.png", "result.json")


def free_folder(name: str, parent: str | Path = "runs") -> Path:
    """Return the first of parent/name-1, parent/name-2, … that does not exist."""
    places = (Path(parent) / f"{name}-{number}" for number in count(1))
    return next(place for place in places if not place.exists())


class RunFolder:
    """A run's folder and files, and `more` files that the command writes there. `command` resumes
    the run, given --resume DIR.

    In a `with` block the folder exists and no other process uses it; raises ValueError if one
    already does. Removes the folder if it stays empty.
    """

    def __init__(self, path: str | Path, command: str = TRAIN, more: tuple[str, ...] = ()):
        self.path = Path(path)
        self._place = self.path.absolute()  # the user's code may change the working folder
        self.origin = Origin(command)
        self.files = (*FILES, *more)
        self._held = ExitStack()

    def __enter__(self) -> "RunFolder":
        self._held.enter_context(held(self._place, self.path))
        return self

    def __exit__(self, *error) -> None:
        self._held.close()

    def __truediv__(self, name: str) -> Path:
        return self._place / name

    @property
    def how_to_resume(self) -> str:
        """Describe how to resume the run."""
        return self.origin.how_to_resume(self.path)

    def read(self) -> tuple[TrainingConfig, Origin]:
        """Read (settings, origin) of the run in this folder."""
        path = self.path / "config.json"
        if not (self / "config.json").is_file():
            raise ValueError(
                f"{self.path}: no run to resume; expected a folder of {self.origin.command}, with "
                "config.json"
            )
        values = read_json(self / "config.json")
        made = values.pop("made", None)  # missing in runs of 0.1
        return TrainingConfig.from_mapping(values, str(path)), Origin.read(made, f"{path}: made")

    def check_free(self) -> None:
        """Raise ValueError if the folder has a run, or files with the same names."""
        existing = [name for name in self.files if os.path.lexists(self / name)]
        if "config.json" in existing:
            go_on = self.read()[1].how_to_resume(self.path)
            raise ValueError(
                f"{self.path}: the folder holds a run; continue it with {go_on}, give another --out, "
                "or begin again with --force (in Python force=True)"
            )
        if existing:
            raise ValueError(
                f"{self.path}: the folder holds {existing[0]} already; give another --out, or "
                "--force to overwrite it"
            )

    def begin(self, config: TrainingConfig, origin: Origin) -> None:
        """Remove the files of an earlier run, and write the settings and the origin."""
        for name in FILES:
            (self / name).unlink(missing_ok=True)
        self.origin = origin
        write_json(self / "config.json", {**asdict(config), "made": asdict(origin)})

    def check_made(self, data: Mapping[str, Any] | None) -> TrainingConfig:
        """Return the run's settings. Raises ValueError if another command made the run, or from
        another kind of data (opened by name, given in Python, or None)."""
        config, origin = self.read()
        given = data is not None and not isinstance(data, Opened)
        command, self.origin = self.origin.command, origin
        if command != origin.command or given != (origin.data == PYTHON):
            raise ValueError(
                f"{self.path}: the run was made by {origin.command} and learns from "
                f"{origin.words()}; continue it with {self.how_to_resume}"
            )
        if data is None and runs_code(config.dataset):  # a folder must not start the user's code
            raise ValueError(
                f"{self.path}: the run's data come from Python code; give data=..., or "
                f"{self.how_to_resume}"
            )
        return config

    def resume(
        self, config: TrainingConfig, data: Mapping[str, Any] | None, own: Own = MODEL
    ) -> Checkpoint | None:
        """Return the checkpoint to resume from; None if the run stopped before its first one.
        data: as in `check_made`. own: parts of the model given in Python."""
        changes = config.changes_from(self.check_made(data))
        if self.origin.own != own.words():
            changes.append(f"{self.origin.own or 'no parts of a model'} -> {own.words() or 'none'}")
        if changes:
            raise ValueError(
                f"{self.path}: the run has other settings ({'; '.join(changes)}); it continues "
                f"with its own, by {self.how_to_resume}"
            )
        if not (self / CURRENT).is_file():
            # it belongs to a network that no longer exists
            (self / "result.json").unlink(missing_ok=True)
            return None
        checkpoint = read(self / CURRENT, **own._asdict())
        fits = checkpoint.config is not None and not checkpoint.config.changes_from(config)
        if not fits or checkpoint.progress.get("update") not in range(config.updates + 1):
            raise ValueError(
                f"{self.path / CURRENT}: the checkpoint is not that of the run in config.json"
            )
        return checkpoint

    def write_log(self, columns: list[str], rows: list[dict[str, float]]) -> None:
        """Rewrite log.csv with these rows."""
        lines = [",".join(columns), *(_line(columns, row) for row in rows), ""]
        write_whole(self / "log.csv", "\n".join(lines).encode())

    def log(self, columns: list[str], row: dict[str, float]) -> None:
        """Append a row to log.csv."""
        with open(self / "log.csv", "a", encoding="utf-8", newline="\n") as file:
            file.write(_line(columns, row) + "\n")

    def draw(self, rows: list[dict[str, float]], chance: list[float] | None) -> None:
        """Draw the learning curve of these rows, unless the run is being stopped. A failed picture
        does not end the run: a warning says so. chance: the rows' chance levels."""
        if not rows or stopping.asked() and not drawing():
            return
        try:
            plot_learning_curve(rows, self / "curve.png", chance=chance)
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            text = f"{self.path / 'curve.png'}: the learning curve could not be drawn ({what})"
            warnings.warn(text, stacklevel=2)


def _line(columns: list[str], row: dict[str, float]) -> str:
    values = (row.get(name, math.nan) for name in columns)
    return ",".join("" if math.isnan(value) else f"{value:.7g}" for value in values)
