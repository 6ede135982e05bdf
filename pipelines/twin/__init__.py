"""The twin: one simulator that plays ERP, WMS, carriers and customers day by day and writes the extracts they would write.

It knows nothing of the store, the forecast or the plan; it takes dispatches in and gives extracts out.
"""
