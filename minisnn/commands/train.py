"""`minisnn train`: options of the run, and one for every field of TrainingConfig."""

import inspect
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from .. import outputs
from ..training.presets import DEFAULT, chosen, named
from ..training.settings import TrainingConfig, in_words
from .options import Quiet, Work, flags
from .signature import Group

FILES = ("root", "start")  # settings that name inputs


def train(
    *,
    preset: Annotated[
        Literal["paper", "maml", "quick", "paper-fast"] | None,
        "settings to start from (default: quick; maml with another rule, order or model, or with "
        "updates of first order)",
    ] = None,
    out: Annotated[
        Path | None, "DIR", "run folder (default: runs/<preset>-<number>)", outputs.RUN
    ] = None,
    force: Annotated[bool, "overwrite the run in --out"] = False,
    resume: Annotated[
        Path | None, "DIR", "resume the run in this folder, with its own settings"
    ] = None,
    quiet: Quiet = False,
    work: Work,
    **settings: Any,
) -> None:
    """Meta-train a spiking network to learn classes from one recording each, then
    test it on classes and recordings it has never seen. A task has a support set,
    from which the network learns, and a query set, which it must classify: --shots
    and --queries recordings of each of --ways classes. Without options, a small
    network trains on simulated recordings. The run folder holds settings, log,
    learning curve, checkpoint and result. Ctrl-C saves the run, and --resume DIR
    continues it as if nothing had happened.

    examples:
      minisnn train                               a first run, into runs/quick-1
      minisnn train --preset maml                 only MAML, as in the paper
      minisnn train --preset paper-fast           Table 1's width, by many cameras
      minisnn train --preset paper --out runs/t1  the paper's network and constants
      minisnn train --root ~/N-MNIST --seed 3     real recordings, another seed
      minisnn train --order 1 --inner-steps 3     first order, three steps
      minisnn train --rule anil --first-order-updates 300
      minisnn train --rule imaml                  many steps, only the end counts
      minisnn train --rule reptile --inner-steps 5 --learn-step-size no
      minisnn train --channels 8,16               any setting can be given
      minisnn train --tasks 4 --workers 4         tasks side by side
      minisnn train --resume runs/quick-1         resume a run that was stopped
    """
    from ..data.sets.named import runs_code
    from ..training.evaluation import open_sets
    from ..training.folder import RunFolder, free_folder
    from ..training.progress import learned_by, sentence, table
    from ..training.run import train as carry_out

    settings |= {name: str(settings[name]) for name in FILES if settings.get(name)}
    data = None
    if resume is not None:
        config, _ = RunFolder(resume).read()
        if runs_code(config.dataset) and settings.get("dataset") == config.dataset:
            del settings["dataset"]  # the user's code runs only if it is named
            data = open_sets(config, not quiet)
        if given := flags(preset=preset, out=out, force=force, **dict.fromkeys(settings, True)):
            words = f"--resume keeps the settings and data of {resume}"
            raise ValueError(f"{words}; leave out {' '.join(given)}")
    else:
        config = chosen(preset, settings)
        for name, why in config.idle().items():
            if name in settings:
                warnings.warn(f"{flags(**{name: True})[0]} does nothing {why}", stacklevel=2)
    place = resume or out or free_folder(named(preset, settings))
    how: dict[str, Any] = dict(
        resume=resume is not None, progress=not quiet, force=force, data=data
    )
    with work.executor() as executor:
        result = carry_out(config, place, executor=executor, **how)
    print(f"run folder {place}: checkpoint.h5, result.json, log.csv, curve.png", file=sys.stderr)
    if result.test is None:
        print(f"trained, not tested: {place / 'checkpoint.h5'}")
        return
    rules = table(result.test, learned_by(config), result.inner)
    print(sentence(result.test), *rules, sep="\n")


def _settings() -> Iterator[inspect.Parameter]:
    """Yield an option for every field of TrainingConfig; only options that were given are passed
    on."""
    usual = TrainingConfig.preset(DEFAULT)
    for title, settings in TrainingConfig.groups().items():
        for field in settings:
            kind: Any = Path if field.name in FILES else field.metadata["kind"]
            read = []
            if isinstance(field.default, tuple):
                kind = tuple[str, ...] if kind is str else tuple[int, ...]
            elif kind is int:
                read = [int]  # TrainingConfig checks the limits
            elif "choices" in field.metadata:
                kind = Literal[tuple(field.metadata["choices"])]
            if field.default is None:
                kind = kind | None
            default = in_words(getattr(usual, field.name))
            text = f"{field.metadata['help']} (default: {default})"
            annotation = Annotated[kind, text, Group(title), *read]
            how = dict(default=None, annotation=annotation)
            yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, **how)


_run = [*inspect.signature(train).parameters.values()][:-1]
train.__signature__ = inspect.Signature([*_run, *_settings()])  # type: ignore[attr-defined]
