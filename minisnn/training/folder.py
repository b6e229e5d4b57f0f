"""The folder of a training run: what lies in it, and the rule that nothing in it is overwritten
unasked.

config.json     settings, what made it       checkpoint.h5   parameters and all that going on needs
log.csv         a row an update              curve.png       the learning curve
result.json     accuracy on the test tasks, once the run is done
checkpoint.previous.h5   the checkpoint before the last, to continue from where the last is damaged
"""

import math
import os
import warnings
from dataclasses import asdict
from pathlib import Path
from collections.abc import Callable
from typing import Any

from .. import stopping
from ..data.sets.named import runs_code
from .checkpoint import CURRENT, PREVIOUS, Checkpoint, holds_checkpoint, read
from ..files import Hold, read_json, remove_leftovers, write_json, write_whole
from .held import Own
from .origin import TRAIN, Origin
from .settings import TrainingConfig
from ..arguments import mapping, must
from ..plots import drawing, plot_learning_curve

FILES = ("config.json", CURRENT, PREVIOUS, "log.csv", "curve.png", "result.json")


def free_folder(name: str, parent: str | Path = "runs") -> Path:
    """The first of parent/name-1, parent/name-2, … that does not exist."""
    number = 1
    while (Path(parent) / f"{name}-{number}").exists():
        number += 1
    return Path(parent) / f"{name}-{number}"


class RunFolder:
    """A run's folder and its files, and `more` that the command writes there; `command` is what
    goes on with it, given --resume DIR.

    Within a `with` block no other process runs here: ValueError where one does already.
    """

    def __init__(self, path: str | Path, command: str = TRAIN, more: tuple[str, ...] = ()):
        self.origin = Origin(command)
        self.files = (*FILES, *more)
        self.columns: list[str] = []
        self.drawn: dict[str, float] | None = None  # the last row of the curve that was drawn
        self._given = Path(path)
        self._place = _led_to(self._given)
        self._hold = Hold(self._place, path)

    @property
    def path(self) -> Path:
        """As it was given, while that leads to where it led then: code of the user may change the
        working folder."""
        return self._given if _led_to(self._given) == self._place else self._place

    def __enter__(self) -> "RunFolder":
        self._hold.take()
        return self

    def __exit__(self, *error) -> None:
        self._hold.release()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def how_to_go_on(self) -> str:
        """What resumes the run."""
        return self.origin.how_to_go_on(self.path)

    def config(self) -> TrainingConfig:
        """Settings of the run that lies here."""
        return self.read()[0]

    def read(self) -> tuple[TrainingConfig, Origin]:
        """(settings, what made the run) of the run that lies here."""
        path = self / "config.json"
        if not path.is_file():
            raise ValueError(
                f"{self.path}: no run to resume; expected a folder of {self.origin.command}, with "
                "config.json"
            )
        values = read_json(path)
        made = values.pop("made", None)
        config = TrainingConfig.from_mapping(values, str(path))
        if made is None:
            raise ValueError(
                f"{path}: these are settings of a run of minisnn 0.1, which 0.1 alone continues; "
                "expected those of 0.2, or another folder"
            )
        return config, Origin.read(made, f"{path}: made")

    def check_free(self, config: TrainingConfig, more: tuple[str, ...] = ()) -> None:
        """Raise ValueError where a run lies here already, or files that have the names of a run's,
        `more` among them."""
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(
                f"{self.path}: there is a file of this name; expected a new folder for the run"
            )
        found = [
            name
            for name in (*self.files, *more)
            if (self / name).exists() or (self / name).is_symlink()
        ]
        if not found:
            return
        what, way = f"{found[0]} already", "give another --out, or --force to overwrite it"
        if "config.json" in found:
            there, origin = self.read()
            if changes := config.changes_from(there):
                what = (
                    "a run with other settings "
                    f"({'; '.join(changes[:4])}{'; …' * (len(changes) > 4)})"
                )
            else:
                what = "this very run"
                way = (
                    f"continue it with {origin.how_to_go_on(self.path)}, or begin again with "
                    "--force (in Python force=True)"
                )
        raise ValueError(f"{self.path}: the folder holds {what}; {way}")

    def check_writable(self) -> None:
        """Before long work: ValueError where the folder could not be made or written to."""
        place = self.path.absolute()
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise ValueError(
                f"{self.path}: the run cannot be written there, {place} is read-only; expected "
                "a folder that can be written to"
            )

    def make(self) -> None:
        """Make the folder, and hold it."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._hold.take()

    def begin(
        self, config: TrainingConfig, origin: Origin | None = None, force: bool = False
    ) -> None:
        """Make the folder, without the files of a run before, and write the settings and what makes
        the run. ValueError where another process has made a run here meanwhile, but with `force`."""
        self.make()
        if not force and any((self / name).exists() for name in FILES):
            self.check_free(config)
        for name in FILES:
            (self / name).unlink(missing_ok=True)
        self.origin = origin or self.origin
        write_json(self / "config.json", {**asdict(config), "made": asdict(self.origin)})

    def check_code(self, config: TrainingConfig) -> None:
        """ValueError where the settings of the run name code as its data: a folder that was found
        must not run it."""
        if runs_code(config.dataset):
            raise ValueError(
                f"{self.path}: the run learns from code; give data=..., or {self.how_to_go_on}"
            )

    def check_made(self, given: bool) -> TrainingConfig:
        """Settings of the run that lies here, where this command made it of such data (`given` in
        Python); else ValueError."""
        config, origin = self.read()
        origin.check(self.origin.command, given, self.path)
        self.origin = origin
        return config

    def resume(
        self, config: TrainingConfig, given: bool = False, own: Own = Own()
    ) -> Checkpoint | None:
        """The checkpoint to continue from; None where the run was stopped before its first. Where
        the last one is damaged it is the one before, with a warning. `given`: the data are given in
        Python; own: and parts of the model."""
        changes = config.changes_from(self.check_made(given))
        if self.origin.own != own.words():
            raise ValueError(
                f"{self.path}: the run was made with "
                f"{self.origin.own or 'no parts of a model'}, not with "
                f"{own.words() or 'none'}; continue with {self.how_to_go_on}"
            )
        if changes:
            raise ValueError(
                f"{self.path}: the run has other settings ({'; '.join(changes)}); it continues "
                "with its own"
            )
        remove_leftovers(self.path, *FILES)
        if not holds_checkpoint(self.path):
            (self / "result.json").unlink(missing_ok=True)  # of a network that is gone
            return None
        checkpoint = read(self.path, **own._asdict())
        update = checkpoint.progress.get("update")
        if (
            checkpoint.config is None
            or checkpoint.config.changes_from(config)
            or type(update) is not int
            or not 0 <= update <= config.updates
        ):
            raise ValueError(
                f"{self / CURRENT}: the checkpoint is not that of the run in config.json"
            )
        return checkpoint

    def start_log(self, columns: list[str], rows: list[dict[str, float]]) -> None:
        """Write log.csv again with the rows known so far."""
        self.columns = columns
        write_whole(
            self / "log.csv",
            ("\n".join([",".join(columns), *map(self._line, rows)]) + "\n").encode(),
        )

    def log(self, row: dict[str, float]) -> None:
        """Add a row to log.csv."""
        with open(self / "log.csv", "a", encoding="utf-8", newline="\n") as file:
            file.write(self._line(row) + "\n")

    def _line(self, row: dict[str, float]) -> str:
        values = (row.get(name, math.nan) for name in self.columns)
        return ",".join("" if math.isnan(value) else f"{value:.7g}" for value in values)

    def draw(
        self, rows: list[dict[str, float]], chance: Callable[[int], list[float]] | None
    ) -> None:
        """The learning curve, where there is something to draw, and time. A picture is never worth
        a run: where it cannot be drawn, a warning says so. chance: that of the first so many rows'
        tasks."""
        if not rows or (stopping.asked() and not drawing()) or self.drawn == rows[-1]:
            return
        try:
            guessed = None if chance is None else chance(len(rows))
            plot_learning_curve(rows, self / "curve.png", chance=guessed)
        except Exception as error:
            warnings.warn(
                f"{self / 'curve.png'}: the learning curve could not be drawn "
                f"({' '.join(f'{type(error).__name__}: {error}'.split())})",
                stacklevel=2,
            )
        self.drawn = dict(rows[-1])

    def failed(self, error: OSError, done: str, saved: int | None) -> OSError:
        """What to raise where a disk, a folder or a connection fails: what became of the run, of
        which the state after update `saved` is kept (None: nothing)."""
        reason = str(error)
        if error.strerror:
            reason = f"{error.strerror[0].lower()}{error.strerror[1:]}"
        where = self.path if error.filename is None else error.filename
        kept = "nothing is saved"
        if saved is not None and holds_checkpoint(self.path):
            kept = f"the state after update {saved} is saved, continue with {self.how_to_go_on}"
        return OSError(f"{where}: {reason}; stopped after {done}, {kept}")


def _led_to(path: Path) -> Path:
    """Where a path leads from the working folder, if there is one."""
    try:
        return path.absolute()
    except OSError:
        return path


def check_given(config: Any, out: Any, data: Any) -> None:
    """ValueError where an argument of `train` is of another kind than it says."""
    must("config", isinstance(config, TrainingConfig), "a minisnn.TrainingConfig", config)
    must("out", isinstance(out, (str, Path, RunFolder)) and out != "", "a folder's path", out)
    if data is None:
        return
    needed = ["train"]
    needed += ["val"] * (config.evaluate_every > 0) + ["test"] * (config.test_episodes > 0)
    if lacking := [split for split in needed if split not in mapping("data", data)]:
        raise ValueError(
            f"data has no set of tasks {lacking[0]}; give one (evaluate_every=0 needs no val, "
            "test_episodes=0 no test)"
        )
    for split, tasks in data.items():
        lacking = [
            name for name in ("input_shape", "sample_task", "episode") if not hasattr(tasks, name)
        ]
        must(f"data[{split!r}]", not lacking, f"a set of tasks with {', '.join(lacking)}", tasks)
