"""What the scripted model says: 10,000 different replies in each language, of four short sentences without figure or name.

A model hardly ever writes the same twice, and our product reads the agent's last line, too: with one reply for all, that
would come out of a cache as it never does in production.
"""

from itertools import product

_ENGLISH = (
    (
        "Thank you for telling me.", "I hear you.", "That makes sense.", "Good that you say so.", "I see what you mean.",
        "Thanks for being so open.", "Fair point.", "I understand that well.", "Okay, I follow you.", "That is good to know.",
    ),
    (
        "It helps me to find the right thing for you.", "Most people wonder about that at first.",
        "We can take it one step at a time.", "I would look at it the same way.", "Nothing has to be decided now.",
        "It is worth a closer look.", "Let us keep it simple.", "I want you to feel sure about it.",
        "You know best what suits you.", "I will be plain with you.",
    ),
    (
        "I can explain how it works, if you like.", "A short talk often clears things up.", "We go at your pace.",
        "You can ask me anything about it.", "I am glad to go through it again.", "There is no pressure from my side.",
        "Let me listen a little more first.", "Then we see whether it fits.", "I would rather ask than guess.",
        "It is fine to take your time.",
    ),
    (
        "What matters most to you about it?", "What would you like to know first?", "How have you handled it so far?",
        "What made you think of it now?", "Who else should be part of this?", "What worries you most?",
        "What would a good outcome look like for you?", "Shall I tell you how it begins?",
        "Is there something that holds you back?", "When would you like to talk about it?",
    ),
)  # fmt: skip
_SPANISH = (
    (
        "Gracias por contarme.", "Te escucho.", "Tiene mucho sentido.", "Qué bueno que lo dices.", "Entiendo lo que dices.",
        "Gracias por la confianza.", "Es un buen punto.", "Lo comprendo muy bien.", "De acuerdo, te sigo.", "Es bueno saberlo.",
    ),
    (
        "Eso me ayuda a encontrar lo que te conviene.", "A muchas personas les pasa al principio.",
        "Podemos ir paso a paso.", "Yo lo vería igual que tú.", "No hay que decidir nada ahora.",
        "Vale la pena verlo con calma.", "Vamos a hacerlo sencillo.", "Quiero que lo veas claro.",
        "Tú sabes mejor lo que te sirve.", "Te voy a hablar con franqueza.",
    ),
    (
        "Si quieres, te explico cómo funciona.", "Una charla corta suele aclarar las dudas.", "Vamos a tu ritmo.",
        "Puedes preguntarme lo que quieras.", "Con gusto lo vemos otra vez.", "De mi parte no hay ninguna presión.",
        "Primero quiero escucharte un poco más.", "Después vemos si encaja contigo.", "Prefiero preguntar antes que suponer.",
        "Está bien que te tomes tu tiempo.",
    ),
    (
        "¿Qué es lo que más te importa de esto?", "¿Qué te gustaría saber primero?", "¿Cómo lo has llevado hasta ahora?",
        "¿Qué te hizo pensar en esto ahora?", "¿Quién más debería estar en esta charla?", "¿Qué es lo que más te preocupa?",
        "¿Cómo sería para ti que saliera bien?", "¿Te cuento cómo se empieza?", "¿Hay algo que te detiene?",
        "¿Cuándo te gustaría hablar de esto?",
    ),
)  # fmt: skip
REPLIES = {"en": tuple(product(*_ENGLISH)), "es": tuple(product(*_SPANISH))}
POINTS = {"en": ["Listen first", "Then match one need"], "es": ["Escuchar primero", "Después, una sola necesidad"]}
