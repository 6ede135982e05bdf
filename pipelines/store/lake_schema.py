"""Columns and DuckDB types of everything that lives in the schema `lake` of a store.

The feeds repeat the contracts of the extracts as far as the dbt project reads them; a test holds both together. What is
computed from these tables lives in the dbt project.
"""

Columns = list[tuple[str, str]]

MONEY = "DECIMAL(18,4)"
MEASURE = "DECIMAL(18,6)"

LINEAGE: Columns = [("_business_date", "DATE"), ("_version", "INTEGER"), ("_source_line", "INTEGER")]


def _columns(text: str, kind: str) -> Columns:
    return [(name, kind) for name in text.split()]


def _ordered(names: str, *groups: Columns) -> Columns:
    """Columns in the order of `names`; whatever no group types is text."""
    kinds = {name: kind for group in groups for name, kind in group}
    return [(name, kinds.get(name, "VARCHAR")) for name in names.split()]


FEED_SCHEMAS: dict[str, Columns] = {
    "erp_items": _ordered(
        "item_id description category variant_of uom units_per_pack weight_kg volume_m3 unit_cost_usd unit_price_usd"
        " shelf_life_days lifecycle launch_date end_date supplier_id supplier_lead_time_days review_period_days",
        _columns("units_per_pack shelf_life_days supplier_lead_time_days review_period_days", "BIGINT"),
        _columns("weight_kg volume_m3", MEASURE),
        _columns("unit_cost_usd unit_price_usd", MONEY),
        _columns("launch_date end_date", "DATE"),
    ),
    "erp_locations": _ordered(
        "location_id name kind owner operator country region lat lon storage_capacity_m3 dock_out_units_per_day"
        " dock_in_units_per_day storage_cost_usd_per_m3_day time_zone",
        _columns("lat lon", "DOUBLE"),
        _columns("storage_capacity_m3", MEASURE),
        _columns("dock_out_units_per_day dock_in_units_per_day", "BIGINT"),
        _columns("storage_cost_usd_per_m3_day", MONEY),
    ),
    "tms_lanes": _ordered(
        "origin destination mode carrier truck_cost_usd pallet_cost_usd max_trucks pallets_per_truck pallet_kg pallet_m3"
        " cost_usd_per_unit line_cost_usd rate_usd_per_kg minimum_cost_usd min_shipment_kg lead_time_days_mean"
        " lead_time_days_sd weekdays duty_share customs_days allowed",
        _columns("truck_cost_usd pallet_cost_usd cost_usd_per_unit line_cost_usd rate_usd_per_kg minimum_cost_usd", MONEY),
        _columns("pallet_kg pallet_m3 min_shipment_kg", MEASURE),
        _columns("max_trucks pallets_per_truck customs_days", "BIGINT"),
        _columns("lead_time_days_mean lead_time_days_sd duty_share", "DOUBLE"),
        _columns("allowed", "BOOLEAN"),
    ),
    "erp_sales_orders": _ordered(
        "order_id line_no item_id location_id ship_to_region ship_to_zip channel qty_units unit_price_usd ordered_at"
        " requested_date promised_date status",
        _columns("line_no qty_units", "BIGINT"),
        _columns("unit_price_usd", MONEY),
        _columns("ordered_at", "TIMESTAMP"),
        _columns("requested_date promised_date", "DATE"),
    ),
    "wms_shipments": _ordered(
        "shipment_id order_id line_no location_id item_id qty_units shipped_at delivered_at",
        _columns("line_no qty_units", "BIGINT"),
        _columns("shipped_at delivered_at", "TIMESTAMP"),
    ),
    "wms_stock": _ordered(
        "date location_id item_id lot_id on_hand reserved blocked expiry_date",
        _columns("date expiry_date", "DATE"),
        _columns("on_hand reserved blocked", "BIGINT"),
    ),
    "wms_movements": _ordered(
        "event_id at location_id item_id lot_id type qty_units reference",
        _columns("at", "TIMESTAMP"),
        _columns("qty_units", "BIGINT"),
    ),
    "erp_purchase_orders": _ordered(
        "po_id line_no supplier_id item_id location_id qty_ordered qty_received ordered_at expected_date received_at status",
        _columns("line_no qty_ordered qty_received", "BIGINT"),
        _columns("ordered_at expected_date received_at", "DATE"),
    ),
    "wms_transfers": _ordered(
        "transfer_id line_id item_id lot_id origin destination mode qty_requested qty_picked qty_shipped state at",
        _columns("qty_requested qty_picked qty_shipped", "BIGINT"),
        _columns("at", "TIMESTAMP"),
    ),
    "wms_receipts": _ordered(
        "receipt_id reference_type reference_id line_id item_id location_id lot_id qty_expected qty_received qty_damaged"
        " qty_short qty_over received_at",
        _columns("qty_expected qty_received qty_damaged qty_short qty_over", "BIGINT"),
        _columns("received_at", "TIMESTAMP"),
    ),
    "tms_customer_lanes": _ordered(
        "location_id ship_to_region transit_days cost_usd_per_order",
        _columns("transit_days", "DOUBLE"),
        _columns("cost_usd_per_order", MONEY),
    ),
    "erp_events": _ordered(
        "event_id scope scope_id kind start_date end_date expected_uplift_share",
        _columns("start_date end_date", "DATE"),
        _columns("expected_uplift_share", "DOUBLE"),
    ),
    "wms_counts": _ordered(
        "location_id item_id lot_id system_qty counted_qty at",
        _columns("system_qty counted_qty", "BIGINT"),
        _columns("at", "TIMESTAMP"),
    ),
    "fin_parameters": _ordered(
        "scope scope_id capital_rate insurance_rate obsolescence_rate lost_sale_penalty_usd_per_unit transfer_budget_usd_per_week",
        _columns("capital_rate insurance_rate obsolescence_rate", MEASURE),
        _columns("lost_sale_penalty_usd_per_unit transfer_budget_usd_per_week", MONEY),
    ),
}

TABLE_SCHEMAS: dict[str, Columns] = {
    "ledger_transfer_lines": _ordered(
        "line_id run_id plan_as_of transfer_id item_id origin destination mode lane_id qty_planned_units qty_approved_units"
        " expected_ship_date expected_arrival_date net_usd benefit_usd cost_usd state",
        _columns("plan_as_of expected_ship_date expected_arrival_date", "DATE"),
        _columns("qty_planned_units qty_approved_units", "BIGINT"),
        _columns("net_usd benefit_usd cost_usd", "DOUBLE"),
    ),
    "forecast_weekly": _ordered(
        "location_id item_id week_index week_start mean_units",
        _columns("week_index", "BIGINT"),
        _columns("week_start", "DATE"),
        _columns("mean_units", "DOUBLE"),
    ),
    "finished_horizons": _ordered(
        "forecast_as_of forecast_run_id location_id item_id horizon_days forecast_units statistical_units q95_units naive_units"
        " naive_rmse_units actual_units in_stock_share null_reason",
        _columns("forecast_as_of", "DATE"),
        _columns("horizon_days", "BIGINT"),
        _columns("forecast_units statistical_units q95_units naive_units naive_rmse_units actual_units in_stock_share", "DOUBLE"),
    ),
    "trigger_events": _ordered(
        "event_id type scope location_id item_id category found_on evidence verdict cooldown_until",
        _columns("found_on cooldown_until", "DATE"),
    ),
    "forecast_summary": _ordered(
        "location_id item_id method mean_daily_units raw_mean_daily_units dispersion_k in_stock_days history_days"
        " protection_days protection_mean_units q50_units q90_units q95_units q98_units safety_stock_units"
        " reorder_point_units target_units uses_prior note",
        _columns(
            "mean_daily_units raw_mean_daily_units dispersion_k in_stock_days history_days protection_days"
            " protection_mean_units q50_units q90_units q95_units q98_units safety_stock_units reorder_point_units target_units",
            "DOUBLE",
        ),
        _columns("uses_prior", "BOOLEAN"),
    ),
    "alert_bands": _ordered(
        "category kpi lower_limit upper_limit hysteresis_share",
        _columns("lower_limit upper_limit hysteresis_share", "DOUBLE"),
    ),
    "dispositions": _ordered(
        "location_id item_id imbalance imbalance_units option option_units value_usd cost_usd net_usd is_best",
        _columns("imbalance_units option_units value_usd cost_usd net_usd", "DOUBLE"),
        _columns("is_best", "BOOLEAN"),
    ),
    "plan_lines": _ordered(
        "line_id run_id as_of item_id lane_id origin destination mode packs units ship_date arrival_date gain_usd loss_usd"
        " freight_usd handling_usd benefit_usd cost_usd net_usd donor_available_units donor_cover_before_days"
        " donor_cover_after_days receiver_cover_before_days receiver_cover_after_days donor_share break_even_freight_usd reason",
        _columns("as_of ship_date arrival_date", "DATE"),
        _columns("packs units donor_available_units", "BIGINT"),
        _columns(
            "gain_usd loss_usd freight_usd handling_usd benefit_usd cost_usd net_usd donor_cover_before_days"
            " donor_cover_after_days receiver_cover_before_days receiver_cover_after_days donor_share break_even_freight_usd",
            "DOUBLE",
        ),
    ),
}
