"""Keras layers of our own, for what no stock layer or function computes; imported when a net is built."""
