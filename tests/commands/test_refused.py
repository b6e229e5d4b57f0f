"""No option is believed in silence: what does nothing is a warning, and what is wrong or empty is
refused in a sentence."""

from pathlib import Path

import pytest
from slowly import slow

from minisnn import cli

IDLE = {  # command line -> options that do nothing in it; some lines are wrong beyond that
    "check --checkpoint absent.h5": ["--random 2"],
    "evaluate --checkpoint double_nmnist_maml.h5 --inner-steps 0 --step-size -1": [
        "--freeze conv1",
        "--online",
    ],
    "evaluate --checkpoint double_nmnist_cuba.h5 --rule online --step-size -1": [
        "--freeze conv1",
        "--online",
    ],
    "evaluate --checkpoint double_nmnist_maml.h5 --step-size -1": ["--strokes order"],
    "info text": ["--sample 3", "--sheet new.png", "--sensor 9,9", "--time ms", "--flip-y"],
    "record --out new --split Test": ["--labels a"],
    "lessons --list": ["--only 1", "--path fast", "--open"],
    "lessons --mine": ["--only 1", "--path fast", "--open"],
    "show --dataset omniglot --ways 1": ["--bin-ms 2", "--flip-y", "--strokes order"],
    "figure 2 --networks absent": ["--workers 2", "--retrain"],
}
CASES = [(line, option) for line, options in IDLE.items() for option in options]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("")
    return tmp_path


@pytest.mark.parametrize("line, option", CASES)
@pytest.mark.every(3)
def test_what_does_nothing_is_a_warning(line, option, here, capsys, monkeypatch):
    monkeypatch.setattr("minisnn.data.sets.named.open_set", lambda *_, **__: 1 / 0)
    monkeypatch.setattr("minisnn.data.camera.event_camera.EventCamera.record", lambda *_: 1 / 0)
    cli.main([*line.split(), *option.split()])
    assert f"note: {option.split()[0]} does nothing " in capsys.readouterr().err


@pytest.mark.parametrize("line", ["train --out ", "train --out=", "info ", "evaluate --root="])
def test_an_empty_argument_is_refused(line, capsys, here):
    with pytest.raises(SystemExit) as stop:
        cli.main(line.split(" "))
    assert stop.value.code == 2 and len(list(here.iterdir())) == 1
    assert "shell variable" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line, word",
    [
        ("table 2 --networks empty", "no network of the experiments"),
        # after the recordings are there
        slow(("evaluate --checkpoint double_nmnist_maml.h5 --shots 99999999", "a task is of")),
        ("evaluate --checkpoint double_nmnist_maml.h5 --step-size -1", "--step-size is -1.0"),
        ("evaluate --dataset omniglot --align support", "--align"),
        ("evaluate", "--checkpoint"),
        ("evaluate --dataset shd", "--checkpoint"),
        ("report --only table-9", "table-9"),
        ("info /dev/null", "a device or a pipe"),
        ("hardware loihi --words same --json same", "two outputs"),
        ("lessons --only 99", "no lesson 99"),
    ],
)
def test_what_cannot_be_meant_is_told_before_it_begins(line, word, capsys, here):
    Path("empty").mkdir()
    assert cli.main(line.split()) == 2
    err = capsys.readouterr().err
    assert word in err and err.splitlines()[-1].startswith("minisnn: ")


@pytest.mark.parametrize("name", ["", *cli.COMMANDS, "nir import", "hardware export"])
def test_help_fits_a_terminal_of_80_columns(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([*name.split(), "--help"])
    wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > 80]
    assert not wide
