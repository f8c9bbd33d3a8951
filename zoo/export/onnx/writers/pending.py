"""Layer types whose ONNX form is not written yet."""

from zoo.export.onnx.registry import refuse

refuse("it is not written yet", "LSTM", "LSTMUnit", "RNN")
