"""Kinds of backbone files, one a file: each is added to `FORMATS` under the end of its name."""
