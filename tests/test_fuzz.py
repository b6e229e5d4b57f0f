"""The short forms of the programs in tests/fuzz: damaged recordings and wrong command lines."""

import sys
from pathlib import Path


FUZZ = Path(__file__).parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import commands  # noqa: E402
import damaged  # noqa: E402


def test_no_damaged_stamp_is_counted_in_silence(tmp_path):
    found, missed, alarms = damaged.judged(12, 20_000, tmp_path)
    assert not missed and not alarms, (missed, alarms)
    assert sum(found[kind, "refused"] for kind in damaged.KINDS) > 6


def test_wrong_command_lines_end_with_one_sentence(tmp_path):
    assert not commands.fuzz_commands(20, tmp_path, first=20_000)
