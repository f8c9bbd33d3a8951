"""The layer types of the forks, in plain NumPy; one family a file, each with its table LAYERS."""
