"""OpenAI's chat completions, as its clients and the voice platforms speak them."""
