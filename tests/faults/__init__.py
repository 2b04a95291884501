"""What goes wrong outside of the program: malformed files here, a broken disk and killed processes elsewhere."""
