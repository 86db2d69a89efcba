from adapters.contract import Adapter, Delivery
from normalization.outcome import Report


def reports_of(adapter: Adapter, delivery: Delivery) -> list[Report]:
    """What a delivery tells of operations; a report is all that it tells."""
    told = adapter.read_delivery(delivery)
    reports = [one for one in told if isinstance(one, Report)]
    assert len(reports) == len(told)
    return reports
