"""Layer types of the forks."""
