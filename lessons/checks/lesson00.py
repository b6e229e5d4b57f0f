"""Lesson 0: play."""

from . import prepare

prepare(__name__)
