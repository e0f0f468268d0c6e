"""The verbs whole: read, compute, write. What the command line, the estimators and the service call."""
