"""What the customers say in ``sales-agent demo``: one conversation a playbook."""

CONVERSATIONS: dict[str, tuple[str, ...]] = {
    "ngx": (
        "hola buenas, soy abogada, tengo 44 años y ando agotada todo el día, quiero bajar unos kilos",
        "y cuánto cuesta?",
        "uf, se me va del presupuesto la verdad",
        "ok tiene sentido. y si no me funciona? ya me pasó con otro programa",
        "va, apúntame",
    ),
    "roofing": (
        "Hi, water's coming through my bedroom ceiling since the hail on Tuesday",
        "how long would that take and do you deal with the insurance?",
        "I'd have to talk to my wife first",
        "ok can you come out and take a look on Friday?",
        "thanks, see you then",
    ),
}
