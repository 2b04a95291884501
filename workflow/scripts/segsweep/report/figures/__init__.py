"""Figures of a report. Functions take an ax and give it back; `look` has what they share."""
