"""What was computed of a net, as sheets to look at: one module for each command."""
