"""What Stewart & Neftci 2022 report, next to our numbers: percent, mean ± standard
deviation over ten trials."""

# Table 2, 5-way 1-shot: (data set, method) -> (meta-training classes, meta-test classes)
TABLE_2 = {
    ("double-nmnist", "MAML (SNN)"): ("98.76 ± 1.05", "98.23 ± 1.12"),
    ("double-nmnist", "MAML (CNN)"): ("99.09 ± 0.53", "98.35 ± 1.26"),
    ("double-nmnist", "FOMAML (SNN)"): ("92.59 ± 1.00", "92.63 ± 0.74"),
    ("double-asl", "MAML (SNN)"): ("95.77 ± 0.88", "96.04 ± 2.31"),
    ("double-asl", "MAML (CNN)"): ("94.93 ± 0.92", "94.97 ± 1.63"),
    ("double-asl", "FOMAML (SNN)"): ("94.97 ± 1.12", "94.27 ± 0.60"),
}
# Table 3, magnitudes of the readout's updates: mean, sum, largest
TABLE_3 = {
    "outer loop": ("7.72e-5 ± 2e-4", "0.296 ± 0.599", "2e-3 ± 1.7e-3"),
    "inner loop": ("4.4e-3 ± 7e-4", "17.03 ± 2.69", "0.1548 ± 0.16"),
    "non-meta training": ("5e-4 ± 2e-4", "0.5499 ± 0.2412", "1.1e-3 ± 2e-4"),
}
