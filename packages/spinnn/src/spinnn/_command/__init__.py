"""Command lines: programs, options, help, completion, output.

May import: `_flags`, `_memory`, `_progress`, `files`.
"""
