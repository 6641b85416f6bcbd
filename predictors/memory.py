"""What this process remembers of texts to be quick, and how it forgets them: customers' words stand in these caches."""

from predictors import orders, rules, terms, text


def forget_texts() -> None:
    """For a person's erasure. The next messages cost a few milliseconds more."""
    texts = (text.plain, text.words, rules.scan, orders.orders)
    for cached in (*texts, terms.phrase_hash, terms.word_hashes, terms.placed):
        cached.cache_clear()
    if text.load_encoder.cache_info().currsize:
        text.load_encoder().embed.cache_clear()
