"""Nets and training steps as StableHLO: one program without variables, which XLA runs wherever there is JAX."""
