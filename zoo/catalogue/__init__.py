"""The models of configs/: what their headers say, what was measured of them, which released weights fit them."""
