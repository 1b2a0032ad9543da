"""One integer graph, a writer each target.

trace (graph) -> quantize -> onnx_writer, which is what a bundle holds -> onnx_reader -> integer,
the truth -> tflite_writer, c_writer -> bundle, verify.
"""
