"""The official LangGraph client holds a conversation: three turns, a barge-in, an error.

``python chat_langgraph.py BASE_URL``; with ``EXPECT_INTERRUPTED=1`` the server's model is slow, so the barge-in must cut the
reply."""

import asyncio
import os
import sys
from typing import Any

from langgraph_sdk import get_client
from langgraph_sdk.errors import UnprocessableEntityError


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


async def main(base: str) -> None:
    client = get_client(url=base, api_key=os.environ.get("SALES_AGENT_KEY"))
    assistant = (await client.assistants.search())[0]["assistant_id"]
    thread = (await client.threads.create())["thread_id"]
    config: Any = {"configurable": {"locale": "en"}}
    for number, text in enumerate(("hi", "how much is it?"), 1):
        chunks, values = "", None
        async for part in client.runs.stream(
            thread, assistant, input=said(text), config=config, stream_mode=["messages-tuple", "values", "updates"]
        ):
            if part.event == "messages":
                chunks += part.data[0]["content"]
            if part.event == "values":
                values = part.data
        assert values is not None and len(values["messages"]) == 2 * number, values
        assert values["messages"][-1]["content"] == chunks != ""
    heard = ""
    stream = client.runs.stream(
        thread, assistant, input=said("that is too expensive for me"), config=config, stream_mode="messages-tuple"
    )
    async for part in stream:
        if part.event == "messages":
            heard += part.data[0]["content"]
            break
    await stream.aclose()
    messages: list[Any] = []
    async with asyncio.timeout(10):
        while len(messages) != 6:
            await asyncio.sleep(0.02)
            messages = (await client.threads.get_state(thread))["values"]["messages"]
    kept = messages[-1]["content"]
    assert kept.startswith(heard.strip()), (kept, heard)
    if os.environ.get("EXPECT_INTERRUPTED"):
        assert kept == heard.strip(), (kept, heard)
    done: Any = await client.runs.wait(thread, assistant, input=said("I want to talk to a person"), config=config)
    assert len(done["messages"]) == 8
    assert len(await client.threads.get_history(thread)) == 4
    try:
        async for _ in client.runs.stream(thread, assistant, input=said(" ")):
            pass
        raise AssertionError("an empty message was taken")
    except UnprocessableEntityError as error:
        assert "input.messages: must not be empty" in str(error), error
    await client.aclose()
    print(f"ok: 4 turns, barge-in {'cut the reply' if kept == heard.strip() else 'came after its end'}")


asyncio.run(main(sys.argv[1]))
