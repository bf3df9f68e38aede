import pixelmend  # noqa: F401 - before torch, see there
