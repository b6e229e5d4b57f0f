"""`minisnn fetch`: download real recordings."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from .. import outputs
from ..data.store import fetch as store
from .options import Quiet


def fetch(
    dataset: Annotated[Literal["nmnist"], "the data set"],
    /,
    out: Annotated[Path, "DIR", "folder to put it into", outputs.SHARED] = Path("N-MNIST"),
    part: Annotated[Literal["train", "test", "both"], "what to fetch"] = "both",
    base: Annotated[
        str | None,
        "URL",
        "fetch URL/Train.zip and URL/Test.zip, of a mirror for example (default: the files of "
        "Mendeley Data)",
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Fetch real recordings: N-MNIST (Orchard, Jayawant, Cohen & Thakor 2015,
    Frontiers in Neuroscience 9:437; CC BY-SA 4.0) from Mendeley Data, checked and
    unpacked into a folder for --root of train and evaluate. Files that are there
    already are used; a stopped download begins again.

    examples:
      minisnn fetch nmnist                            both parts, into ./N-MNIST
      minisnn fetch nmnist --part test --out ~/data   the 10,000 test recordings
      minisnn fetch nmnist --base http://127.0.0.1:8000    from a mirror
      minisnn train --root N-MNIST                    train on them

    Train.zip and Test.zip in the folder are checked and used. Downloading needs the
    library pooch: pip install "minisnn[fetch]".
    """
    show = partial(print, flush=True)
    print(store.fetch(out, part, base, progress=not quiet, tell=show))
