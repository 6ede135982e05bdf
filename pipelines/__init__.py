"""The domain of Evenstock: what stock is, what a forecast is, how a transfer plan is made and judged.

Knows no orchestrator, no dbt and no web framework; those are shells around it.
"""
