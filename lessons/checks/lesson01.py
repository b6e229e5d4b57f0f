"""Lesson 1: one leaky neuron."""

from . import prepare

prepare(__name__)
