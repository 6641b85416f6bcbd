"""The product's feature function on public sets, beside a plain baseline and what others published."""
