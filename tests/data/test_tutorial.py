"""What the page on one's own recordings says, run as it is written, with fewer recordings and updates."""

import importlib.util
import re
import shlex
from pathlib import Path

from minisnn import cli
from minisnn.training.folder import RunFolder

DATA = Path(__file__).parents[2] / "data"


def test_every_command_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(RunFolder, "draw", lambda self, rows, chance: None)
    text = (DATA / "own_recordings.md").read_text()
    commands = [line for block in re.findall(r"```\n(.*?)```", text, re.S) for line in block.splitlines()]
    assert commands.pop(0) == "python data/make_gestures.py gestures" and len(commands) == 4
    spec = importlib.util.spec_from_file_location("make_gestures", DATA / "make_gestures.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    generator.make(Path("gestures"), 1, 3)
    less = {"train": ["--updates", "2", "--evaluate-every", "1", "--evaluate-episodes", "2", "--test-episodes", "2", "--quiet"]}
    less |= {"train": [*less["train"], "--channels", "4", "--queries", "2"], "evaluate": ["--episodes", "2", "--quiet"]}
    said = {}
    for line in commands:
        program, name, *words = shlex.split(line)
        assert program == "minisnn" and cli.main([name, *words, *less.get(name, [])]) == 0, capsys.readouterr().err
        said[name] = capsys.readouterr().out
    assert "gestures: 36 recordings of 12 classes, of 128 x 128 pixels" in said["info"] and "looks wrong" not in said["info"]
    assert "classes " in said["show"] and Path("shown/task.png").is_file()
    assert "2 unseen 3-way 1-shot episodes" in said["train"] and "nearest mean: summed frames" in said["evaluate"]
    [script] = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(script.splitlines()) <= 12
    script = script.replace("updates=150", "updates=2, evaluate_every=1, evaluate_episodes=2, test_episodes=2")
    script = script.replace("queries=4", "queries=2").replace("beside=", "episodes=2, beside=").replace("(16, 32)", "(4,)")
    exec(compile(script, "own_recordings.md", "exec"), {})
    assert re.search(r"^[01]\.?[0-9]* .*'frames': [01]", capsys.readouterr().out, re.M)
