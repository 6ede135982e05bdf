"""Gates on landed data: Great Expectations suites and their verdicts. No reading or fixing of files here."""
