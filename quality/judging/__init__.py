"""The judgements of a night and of dates that late data opens again: checks of all rooms put into verdicts."""
