"""What is counted here, for Prometheus. No label holds what a caller chose."""

from prometheus_client import Counter

from agent.metrics import OWN

refusals = Counter("sales_agent_refusals", "Requests that were not let in, by reason", ["reason"], registry=OWN)
store_changes = Counter(
    "sales_agent_rate_limit_store_changes",
    "Changes of the place where requests are counted",
    ["now_in"],
    registry=OWN,
)
late_answers = Counter(
    "sales_agent_rate_limit_late", "Requests counted in memory because Valkey answered too late", registry=OWN
)
