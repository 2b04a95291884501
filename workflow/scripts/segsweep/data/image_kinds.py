"""Kinds of images: how many channels they are kept with, and of which type their values are."""

DTYPES = ("uint8", "uint16", "float32")
RGB = 3  # channels


def kept_channels(bands: int, dtype: str) -> int:
    """Channels of an image of so many bands, where a data set's file says nothing: whole numbers of one band are gray,
    which is kept as three equal channels."""
    return RGB if bands == 1 and dtype != "float32" else bands
