"""The service: models judge images over HTTP. `app.py` puts it together; `sablier serve` starts it."""
