"""Trained models as graphs that onnxruntime computes without torch."""
