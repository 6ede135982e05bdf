"""The backtest of a forecast as one self-contained page: its text, tables and plots. Nothing is forecast or scored here."""
