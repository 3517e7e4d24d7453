"""Networks as ONNX files: written once where torch is, run by ONNX Runtime where it is not."""
