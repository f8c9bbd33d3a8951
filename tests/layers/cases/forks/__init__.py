"""Cases of the layer types of the forks; one family a file, each with its list CASES."""
