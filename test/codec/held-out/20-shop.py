def change(total, paid, coins=(100, 50, 25, 10, 5, 1)):
    """Fewest coins that make up the difference, in cents."""
    if paid < total:
        raise ValueError("not enough money")
    left = paid - total
    out = {}
    for coin in coins:
        out[coin], left = divmod(left, coin)
    return {coin: n for coin, n in out.items() if n}
