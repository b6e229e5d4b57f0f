"""Lesson 14: into integers, and in words of which length."""

from . import prepare

prepare(__name__)
