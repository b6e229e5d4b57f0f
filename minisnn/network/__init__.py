"""The networks: one flat theta, blocks over it, their gradients and Hessian-vector products, and
where theta starts.

`loops` has the gradient and H v, and adds up the parts of a batch; `derivatives` has what is beside
meta-learning: Jacobians, Gauss-Newton and Fisher products.

Import from here: `base`, `engine`, `loops`, `spiking`, `convolutional`, `initialisation`,
`layers`, `neurons`, `theta`, `found`.
It may import: files, parallel, core, layers, kernels.
"""
