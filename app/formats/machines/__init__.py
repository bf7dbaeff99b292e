"""Machines as files: bundles, ONNX, reports."""
