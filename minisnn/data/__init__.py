"""Events in, count tensors out: readers, the event camera, and the double data sets."""
