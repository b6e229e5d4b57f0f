"""`minisnn info`: describe a checkpoint, a run or a folder of data."""

from pathlib import Path
from typing import Annotated

from .. import outputs
from .options import Force, Forms, idle


def info(
    path: Annotated[
        Path,
        "checkpoint, run folder, folder of recordings, or recording",
    ],
    /,
    sample: Annotated[int | None, "recordings of a folder to look at (default: 200)"] = None,
    sheet: Annotated[
        Path | None,
        "FILE",
        "draw a contact sheet of a folder of recordings, one row per class (.png, .svg, .pdf)",
        outputs.FILE,
    ] = None,
    force: Force = False,
    *,
    forms: Forms,
) -> None:
    """Describe a checkpoint or run folder (its network, how it adapts, how it was
    trained and what it reached), or recordings (classes, rates, and what looks
    wrong).

    examples:
      minisnn info runs/quick-1                 a run: settings, progress, accuracy
      minisnn info checkpoint.h5                a checkpoint
      minisnn info ~/N-MNIST --sample 500       recordings, and what looks wrong
      minisnn info mine --sheet sheet.png       your own recordings, and a picture
      minisnn info ~/N-MNIST/Train/0/00002.bin  a single recording
    """
    from . import describe, look  # imports NumPy and the readers, which help does not need

    recording = look.is_recording(path)
    if look.is_set(path):
        return look.folder(path, sample or 200, sheet, forms)
    idle("for anything but a folder of recordings", sample=sample, sheet=sheet)
    if recording:
        return look.file(path, forms)
    idle("for anything but recordings", **vars(forms))
    return describe.run(path) if path.is_dir() else describe.checkpoint(path)
