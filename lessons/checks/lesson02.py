"""Lesson 2: the step that has no slope."""

from . import prepare

prepare(__name__)
