"""What every layer type is made of: the base class, its registry, fields, shapes and blobs. No Keras."""
