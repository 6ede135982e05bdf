"""Great Expectations: one suite per feed from its contract, over one partition. No other day and no other feed."""
