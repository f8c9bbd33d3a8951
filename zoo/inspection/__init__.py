"""Looks at a Caffe file without running it: where it is from, what stops it here, and what it means elsewhere."""
