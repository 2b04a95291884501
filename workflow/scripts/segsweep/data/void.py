"""The value in masks that counts in no loss and no score."""

VOID = 255
