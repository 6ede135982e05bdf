"""Demand forecasting on a panel of series: estimate, combine, distribution. No I/O, no frameworks, nothing random."""
