"""Programs of users' own: their command lines, and the files that they write their metrics into."""
