"""Heavy counts over facts, written once as expressions (Narwhals) for whatever engine the frames come from."""
