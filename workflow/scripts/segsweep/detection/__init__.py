"""Anchor-free detection: from boxes to targets of each location, and from outputs back to boxes (FCOS)."""
