"""Layer types that forks of Caffe have and BVLC Caffe does not, and other meanings of its own."""
