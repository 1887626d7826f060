"""Arrays on their way in and programs around them: checks, tables kept in memory, compilation.

May import: `checks`.
"""
