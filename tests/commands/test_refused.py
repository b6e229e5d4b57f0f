"""No option is believed in silence: what would do nothing is refused, and so is what is empty."""

import argparse
from pathlib import Path

import pytest

from minisnn import cli
from minisnn.experiments import BEYOND, UNUSED
from slowly import slow

SHAPE = (
    "--input 9,8,2|--channels 3|--hidden 4|--ways 3|--kernel 3|--window 9|--pool max|--detach-reset"
).split("|")
READING = (
    "--sensor 9,9|--size 9,9|--bin-ms 2|--duration-ms 20|--hop-ms 20|--time ms|--flip-y|--columns "
    "t,x,y,p"
).split("|")
STUDY = dict(
    episodes="9",
    queries="3",
    networks=".",
    workers="2",
    scheduler="tcp://a:1",
    asl_root="a",
    root="a",
)


# command line -> options that do nothing in it
IDLE: dict[str, list[str]] = {
    "check --checkpoint a.h5": ["--model snn", "--random 2", *SHAPE],
    "check --random 2": SHAPE,
    "check --model cnn": ["--pool max", "--window 9", "--detach-reset"],
    "check --channels none": ["--kernel 3", "--pool max"],
    "evaluate --checkpoint double_nmnist_maml.h5 --inner-steps 0": [
        "--step-size 2",
        "--freeze conv1",
        "--online",
    ],
    "evaluate --checkpoint double_nmnist_maml.h5 --rule nearest": [
        "--inner-steps 1",
        "--step-size 2",
        "--freeze conv1",
    ],
    "evaluate --checkpoint double_nmnist_cuba.h5 --rule online": ["--freeze conv1", "--online"],
    "evaluate --checkpoint double_nmnist_maml.h5": ["--strokes order"],
    "info text": [
        "--sample 3",
        "--sheet new.png",
        "--sensor 9,9",
        "--time ms",
        "--flip-y",
        "--columns t,x,y,p",
    ],
    "record --out new": ["--labels a", "--size 9,9"],
    "evaluate --dataset omniglot": ["--align none"],
    "nir export double_nmnist_cuba.h5 new.nir --for norse": ["--dt 1"],
    "nir export double_nmnist_cuba.h5 new.nir": ["--reset zero", "--readout membrane"],
    "nir import text new.h5": ["--for norse"],
    "lessons --list": [
        "--out a",
        "--only 1",
        "--path fast",
        "--force",
        "--open",
        "--port 9000",
        "--mine",
        "--export html",
    ],
    "lessons --mine": ["--only 1", "--path fast", "--force", "--open", "--port 9000"],
    "lessons --path fast": ["--only 1"],
    "lessons --export html": ["--only 1", "--path fast", "--open", "--port 9000", "--mine"],
    "show --dataset omniglot": [*READING, "--strokes order"],
    **{
        f"{'explore ' * (name in BEYOND)}{name.replace('-', ' ')} --out new": [
            f"--{one.replace('_', '-')} {STUDY[one]}" if one in STUDY else f"--{one}"
            for one in unused
        ]
        for name, unused in UNUSED.items()
    },
}
STUDIES = (
    "asl-root episodes force networks out queries quiet retrain root scheduler seed threads workers"
)
# options that always do something, or are refused by rules of their own (test_cli)
ALWAYS = {
    "check": "backend checkpoint force input json model random seed threads",
    "evaluate": "against align baselines checkpoint dataset episodes force inner-steps json ways "
    "queries quiet root rule scheduler seed shots split threads workers",
    "fetch": "base keep-zips out part quiet",
    "info": "force",
    "lessons": "list",
    "nir": "force",
    "record": "duration each force inverted out quiet seed sensor split threads",
    "show": "animation checkpoint dataset force format index out queries root seed shots split "
    "ways",
    **dict.fromkeys(("table", "figure", "explore", "relearn"), STUDIES),
    "report": f"only {STUDIES}",
}


def options() -> dict[str, set[str]]:
    """The long options of every command."""
    [commands] = [a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return {
        name: {
            a.option_strings[0].removeprefix("--")
            for a in sub._actions
            if a.option_strings and a.dest != "help"
        }
        for name, sub in commands.choices.items()
    }


def test_every_option_is_thought_of():
    """`hardware`, whose parts have options of their own, has such a test beside it; idle settings
    of `train` are a warning."""
    idle: dict[str, set[str]] = {}
    for line, refused in IDLE.items():
        idle.setdefault(line.split()[0], set()).update(
            one.split()[0].removeprefix("--") for one in refused
        )
    found = options()
    del found["hardware"], found["train"]
    assert {
        name: sorted(known - idle.get(name, set()) - set(ALWAYS[name].split()))
        for name, known in found.items()
    } == {name: [] for name in found}


@pytest.mark.parametrize(
    "line, option", [(line, option) for line, refused in IDLE.items() for option in refused]
)
def test_what_would_do_nothing_is_refused(line, option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("")
    code = cli.main([*line.split(), *option.split()])
    out, err = capsys.readouterr()
    name = option.split()[0]
    assert (
        code == 2
        and not out
        and err.startswith(f"minisnn: {name} would do nothing ")
        and err.endswith("; leave it out\n")
    )
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize(
    "line",
    [
        ["train", "--out", ""],
        ["train", "--out="],
        ["table", "2", "--networks", ""],
        ["info", ""],
        ["evaluate", "--root="],
    ],
)
def test_an_empty_argument_is_refused(line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        cli.main(line)
    assert stop.value.code == 2 and not list(tmp_path.iterdir())
    assert "expected a value, found none; is a shell variable unset?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line, words",
    [
        (
            ["table", "2", "--networks", "empty"],
            "empty: no network of the experiments is in this folder",
        ),
        (["table", "2", "--networks", "absent"], "absent: no network of the experiments"),
        # after the recordings are there
        slow(
            (
                ["evaluate", "--checkpoint", "double_nmnist_maml.h5", "--shots", "99999999"],
                "99999999 shots and 10 queries has",
            )
        ),
        (
            ["evaluate", "--checkpoint", "double_nmnist_maml.h5", "--step-size", "-1"],
            "--step-size is -1.0, expected a number above 0",
        ),
        (
            ["evaluate", "--checkpoint", "double_nmnist_pretrained.h5", "--inner-steps", "2"],
            "--inner-steps would do nothing with a classifier, whose readout knows the classes",
        ),
        (["info", "empty.npy"], "empty.npy: this file is empty"),
        (["info", "/dev/null"], "/dev/null: this is a device or a pipe; expected a file"),
    ],
)
def test_what_cannot_be_meant_is_told_before_it_begins(line, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("empty.npy").touch()
    assert cli.main(line) == 2
    err = capsys.readouterr().err
    assert words in err and err.splitlines()[-1].startswith("minisnn: ")


def test_help_fits_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = {
        "": [],
        **{name: [name] for name in options()},
        **{f"hardware {p}": ["hardware", p] for p in ("export", "train")},
    }
    for name, words in lines.items():
        with pytest.raises(SystemExit):
            cli.main([*words, "--help"])
        wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > 80]
        assert not wide, (name, wide)
