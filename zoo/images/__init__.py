"""Arrays made into images: grids of tiles, maps in colour, sheets with titles, PNG files. No TensorFlow."""
