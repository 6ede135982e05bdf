"""Named benchmarks. They print tables of ratios within one run and assert nothing about seconds."""
