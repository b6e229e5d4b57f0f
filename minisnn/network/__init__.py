"""The networks: one flat theta, blocks over it, their gradients and Hessian-vector products, and
where theta starts.

Import from here: `base`, `engine`, `loops`, `spiking`, `convolutional`, `initialisation`, `theta`,
`remembered`.
It may import: files, parallel, layers, kernels.
"""
