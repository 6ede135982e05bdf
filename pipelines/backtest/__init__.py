"""The backtest: policies side by side on one world with common random numbers, before anybody trusts a plan.

The twin plays the world; each policy sees what a planner would have seen that evening and says what to move. No live state is touched.
"""
