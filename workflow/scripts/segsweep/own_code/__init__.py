"""Components in a person's own files, by a name like `my/tiny_unet.py:build`. Nothing is imported along with it."""
