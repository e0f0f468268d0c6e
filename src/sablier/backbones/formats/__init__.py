"""Kinds of backbone files, one a file: each is added to `FORMATS` under its file extension."""
