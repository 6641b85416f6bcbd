"""LiveKit Agents' OpenAI plugin: three turns, a hand-off, and a customer who talks over the reply.

python openai_livekit.py http://127.0.0.1:8000        (needs: pip install livekit-agents livekit-plugins-openai)
"""

import asyncio
import json
import os
import sys
import urllib.request
import uuid

from livekit.agents import llm
from livekit.plugins import openai


@llm.function_tool
async def transfer_call(destination: str) -> None:
    """Gives the call to a person: +1 555 010-0199 takes all calls."""


def kept(base: str, here: str) -> list[str]:
    with urllib.request.urlopen(f"{base}/conversations/{here}/messages") as answer:
        return [message["text"] for message in json.load(answer)["messages"]]


async def converse(base: str) -> str:
    here = str(uuid.uuid4())
    model = openai.LLM(
        model="ngx",
        base_url=f"{base}/v1",
        api_key=os.environ.get("API_KEY", "none"),
        extra_headers={"X-Conversation-Id": here},
        metadata={"livekit_room": "room-1"},
    )
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="You are a pirate.")
    called: list[tuple[str, str]] = []

    async def turn(text: str, *, cut: bool = False) -> str:
        context.add_message(role="user", content=text)
        said = ""
        async with asyncio.timeout(30), model.chat(chat_ctx=context, tools=[transfer_call]) as stream:
            async for chunk in stream:
                if chunk.delta is None:
                    continue
                said += chunk.delta.content or ""
                called.extend((call.name, call.arguments) for call in chunk.delta.tool_calls)
                if cut and said:
                    break
        context.add_message(role="assistant", content=said)
        return said

    said: list[str] = []
    for text in ("hi", "how much is it?", "what is included?"):
        said += [text, await turn(text)]
    assert all(said)
    assert await asyncio.to_thread(kept, base, here) == said
    cut = await turn("and how long does it take?", cut=True)
    assert 0 < len(cut) < len(said[-1]), cut
    said += ["and how long does it take?", cut, "sorry, go on please", await turn("sorry, go on please")]
    found = await asyncio.to_thread(kept, base, here)
    assert found == said, (found, said)
    assert called == []
    await turn("I want to talk to a person, please")
    assert [(name, json.loads(given)) for name, given in called] == [
        ("transfer_call", {"destination": "+1 555 010-0199"})
    ], called
    await model.aclose()
    return f"livekit: 6 turns, a barge-in after {len(cut)} characters, {called[0][0]}"


if __name__ == "__main__":
    print(asyncio.run(converse(sys.argv[1])))
