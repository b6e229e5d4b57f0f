"""The edge learner in integers. May use minisnn for data and float references; minisnn never imports it."""
