"""The machine beneath every room: files written whole, boundaries where it may fail, children that die with their parent, limits.

Knows paths, processes and bytes; what is written, and when, is the callers' business.
"""
