"""Sections of the report, a file each: a class with its title and order, and

write(results) -> str

`results` is a `segsweep.report.quoted_results.QuotedResults`, the text Markdown without the heading; an empty text
leaves the section out. Each sentence comes from a function that returns it where its condition holds. Numbers are never
typed: `results` and its tables quote them, with their sources.
"""
