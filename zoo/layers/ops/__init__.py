"""The math that several layer types share, on tensors; importing it loads no Keras."""
