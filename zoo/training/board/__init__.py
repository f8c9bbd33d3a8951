"""What TensorBoard shows of a run: curves, images, histograms, the net as a graph, hyper-parameters and scores."""
