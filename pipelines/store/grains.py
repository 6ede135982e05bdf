"""The grain of every mart: the columns that name a row, and by which reads and publications are sorted.

The dbt project declares the same in each mart's `meta.grain`; a test holds both together.
"""

_KPI = ("scope",)

MART_GRAINS: dict[str, tuple[str, ...]] = {
    "dim_finance": ("location_id", "category"),
    "dim_item": ("item_id",),
    "dim_lane": ("lane_id",),
    "dim_location": ("location_id",),
    "fct_demand_daily": ("location_id", "item_id", "date"),
    "fct_events": ("event_id",),
    "fct_inbound": ("location_id", "item_id", "source", "reference"),
    "fct_orders": ("order_id", "line_no"),
    "fct_plan_inputs": ("location_id", "item_id"),
    "fct_stock_daily": ("location_id", "item_id", "date"),
    "fct_surplus_deficit": ("location_id", "item_id"),
    "fct_transfer_lines": ("line_id",),
    "fct_transfer_outcomes": ("line_id",),
    "fct_transfers": ("transfer_id", "line_id"),
    "kpi_carrying_cost": _KPI,
    "kpi_churn": _KPI,
    "kpi_count_accuracy": _KPI,
    "kpi_days_on_hand": _KPI,
    "kpi_demand_within_days": _KPI,
    "kpi_excess_deficit": _KPI,
    "kpi_fill_rate": _KPI,
    "kpi_forward_cover": _KPI,
    "kpi_imbalance": _KPI,
    "kpi_in_stock_rate": _KPI,
    "kpi_otif": _KPI,
    "kpi_outbound_cost": _KPI,
    "kpi_slow_moving": _KPI,
    "kpi_storage_utilisation": _KPI,
    "kpi_summary": ("position",),
    "kpi_transfer_performance": _KPI,
    "kpi_turnover": _KPI,
    "mart_alerts": ("scope", "kpi", "crossed"),
    "mart_forecast_accuracy": ("location_id", "item_id", "horizon_days"),
    "mart_triggers": ("event_id",),
}
