"""Detection as its users have it: a net with a DetectionOutput run over images, and the boxes drawn."""
