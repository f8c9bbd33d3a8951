"""Nets as ONNX files, written layer by layer from the NetDef and the weights files; no Keras model is built.

`model.onnx_model` gives the ModelProto, `file.write` the file. `writers/` has one small function for each layer type.
"""
