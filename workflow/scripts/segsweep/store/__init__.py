"""Where trained segments lie: what is complete, how it is read and written, shared and cleaned up."""
