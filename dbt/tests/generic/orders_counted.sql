{# Every customer order falls on an item-location and day of the mart; what does not is in no forecast and in no shortage. #}
{% test orders_counted(model, orders_model) %}
select
    orders.location_id,
    orders.item_id,
    count(*) as order_lines,
    sum(orders.qty_units) as qty_units
from {{ orders_model }} as orders
left join {{ model }} as counted
    on
        orders.location_id = counted.location_id
        and orders.item_id = counted.item_id
        and orders.ordered_date = counted.date
where counted.date is null
group by orders.location_id, orders.item_id
{% endtest %}
