"""The types of the values that images are kept in."""

DTYPES = ("uint8", "uint16", "float32")
