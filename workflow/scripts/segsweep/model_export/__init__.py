"""A trained model as a folder for use elsewhere: weights, TorchScript, ONNX, how images get in, a card.

`export_model` is the whole of it; the program `export_model.py` calls it. What the files hold is in
docs/export_model.md.
"""
