"""The shared store: trained segments and tables of studies, in a DVC remote."""
