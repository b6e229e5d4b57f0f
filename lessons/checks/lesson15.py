"""Lesson 15: learning on the edge."""

from minisnn.hardware.chip.errors import EXPONENTIAL as EXPONENTIAL

from . import prepare, tested

prepare(__name__)


update_tested = tested.judge("15.2t")
