"""Exports of trained models: what each task exports, how it is compared, and the workflow."""
