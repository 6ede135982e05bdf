"""Lanes between locations: distances and what a departure on them costs. Their names are in `transfer.py`."""

import math
from dataclasses import dataclass

EARTH_RADIUS_KM = 6371.0088


def great_circle_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Distance on the mean sphere in km, by the haversine formula (Sinnott, Sky & Telescope 68, 1984); degrees in.

    >>> round(great_circle_km(36.12, -86.67, 33.94, -118.40), 1)  # Nashville - Los Angeles, the figure of Rosetta Code on this radius
    2886.4
    """
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half_lat = (phi_b - phi_a) / 2
    half_lon = math.radians(lon_b - lon_a) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(chord))


@dataclass(frozen=True)
class LaneTariff:
    """What a carrier charges on one lane: per truck, pallet, unit and line, and optionally per kg with a minimum."""

    truck_cost_usd: float
    pallet_cost_usd: float
    pallets_per_truck: int
    pallet_kg: float
    pallet_m3: float
    cost_usd_per_unit: float
    line_cost_usd: float
    rate_usd_per_kg: float = 0.0
    minimum_cost_usd: float = 0.0
    duty_share: float = 0.0

    def pallets(self, weight_kg: float, volume_m3: float) -> int:
        """Pallets for a load: `ceil(max(kg / pallet_kg, m3 / pallet_m3))`, at least one for any load.

        >>> LaneTariff(100, 10, 26, 600, 1.8, 0.05, 0.25).pallets(1250.0, 1.0)
        3
        """
        if weight_kg <= 0 and volume_m3 <= 0:
            return 1
        return max(1, math.ceil(max(weight_kg / self.pallet_kg, volume_m3 / self.pallet_m3) - 1e-9))

    def cost_usd(self, units: int, lines: int, weight_kg: float, volume_m3: float, value_usd: float = 0.0) -> float:
        """Cost of one departure: trucks + pallets + units + lines + kg charge + duty on the goods' value; nothing for no units.

        >>> LaneTariff(100, 10, 26, 600, 1.8, 0.05, 0.25).cost_usd(40, 2, 1250.0, 1.0)  # 1 truck, 3 pallets: 100 + 30 + 2 + 0.5
        132.5
        """
        if units == 0:
            return 0.0
        pallets = self.pallets(weight_kg, volume_m3)
        trucks = math.ceil(pallets / self.pallets_per_truck)
        by_weight = max(self.minimum_cost_usd, self.rate_usd_per_kg * weight_kg)
        fixed = trucks * self.truck_cost_usd + pallets * self.pallet_cost_usd + lines * self.line_cost_usd
        return fixed + units * self.cost_usd_per_unit + by_weight + self.duty_share * value_usd
