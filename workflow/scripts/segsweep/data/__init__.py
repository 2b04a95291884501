"""From files of any format to batches of tensors."""
