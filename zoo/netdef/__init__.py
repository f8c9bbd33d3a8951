"""Text to NetDef, the waist: upgraded, filtered, wired, with every shape known. No Keras and no TensorFlow."""
