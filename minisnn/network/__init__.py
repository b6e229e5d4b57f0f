"""The networks: one flat theta, blocks over it, their gradients and Hessian-vector products.

`spiking.SpikingNet`, `convolutional.ConvNet`; `initialisation`: where theta starts. Imports layers, kernels and parallel.
"""
