"""Maps of global fields: projections, coastlines, colours, headings, figures and animations.

May import: `_audit`, `_checks`, `_conventions`.
"""
