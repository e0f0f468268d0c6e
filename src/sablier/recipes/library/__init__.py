"""The recipes. A file `some_name.py` with a function `recipe(tier)` is the recipe some-name; nothing else lists it."""
