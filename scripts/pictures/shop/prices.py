def cents(price):
    return round(price * 100)


def average(prices):
    """Return the mean of some prices, in whole cents."""
    return sum(map(cents, prices)) / len(prices)
