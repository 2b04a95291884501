"""A look at a data set before any study: what it holds, what is wrong with it, images with their labels."""
