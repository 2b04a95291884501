"""Public data sets: where each comes from, how it is checked, and how it is laid out for its reader.

One file a set, found by name, with TITLE, LICENCE, PAGE, SIZE (of the archives, in words), ROOT (its folder under
data_root), ARCHIVES, and `lay_out(archives, folder)`.
"""
