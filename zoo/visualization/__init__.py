"""What a net has learned, computed from it: its kernels, activations, saliency, top patches, dreams, embeddings."""
