"""Two processes that write to one place: the second says so at once, and the first ends as if
alone."""

from pathlib import Path

import numpy as np
import pytest

from minisnn import cli
from minisnn.data.camera.event_camera import EventCamera

pytest.importorskip("fcntl", reason="this system has no flock, by which a folder is held")


@pytest.fixture
def meanwhile(monkeypatch, tmp_path, capsys):
    """Run the command line given while it is itself in the middle, when it calls an attribute; what
    the second one said."""
    monkeypatch.chdir(tmp_path)

    def call(line: str, owner, name: str) -> str:
        said, real = [], getattr(owner, name)

        def inside(*args, **kwargs):
            if not said:
                said.append("")
                capsys.readouterr()
                assert cli.main(line.split()) == 2
                said[0] = capsys.readouterr().err
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, inside)
        assert cli.main(line.split()) in (0, None)
        assert said[0].count("\n") == 1
        return said[0]

    return call


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures" / "1").mkdir(parents=True)
    for n in range(2):
        np.save(tmp_path / "pictures" / "1" / f"{n}.npy", np.eye(28, dtype=np.uint8) * 255)


@pytest.mark.parametrize("there", [False, True])
def test_recording(meanwhile, pictures, there):
    if there:
        Path("made").mkdir()
    said = meanwhile("record pictures --out made --quiet", EventCamera, "record")
    assert said.startswith("minisnn: made: another process is working in this folder")
    assert sorted(path.name for path in Path("made").rglob("*.bin")) == ["00001.bin", "00002.bin"]
    assert sorted(path.name for path in Path().iterdir()) == ["made", "pictures"]
