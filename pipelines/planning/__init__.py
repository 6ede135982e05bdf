"""Plans which units move where: curves, candidates, model, solver, and the audit that shares no code with them."""
