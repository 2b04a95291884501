"""What a component in a person's own file must provide, tried before the first training.

A module for each kind has one function, whose first argument is the `OwnComponent`. It calls the component as training
will, on the smallest input that tells, and gives back what it saw in words.

Raises:
    InputError: what the component lacks, with the file and line of the code that is to be corrected.
"""
