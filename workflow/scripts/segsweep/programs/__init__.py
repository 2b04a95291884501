"""Programs of users' own: what they are called with, how they are started and watched, and what they write."""
