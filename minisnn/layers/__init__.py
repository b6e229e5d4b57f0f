"""The layers, four passes each (forward, backward, forward_tangent, backward_tangent), one under
the other.

`dX` is the adjoint of X, `X_dot` its directional derivative; `backward_tangent` is `backward`
differentiated line by line, in the same order. Layers hold no state: what backward needs is in the
tape that forward returned.

Sequences are (B, n, H, W, C), n the steps of the gradient window. The synapse of an LIF delays by
two steps, so an adjoint or a tangent may be known to vanish at the window's last steps: it is then
handed on with fewer steps, m <= n.

Import from here: any module.
It may import: parallel.
"""
