"""Pipecat's OpenAI LLM service in a real pipeline: three turns, a hand-off, and a customer who talks over the reply.

python openai_pipecat.py http://127.0.0.1:8000        (needs: pip install pipecat-ai)
"""

import asyncio
import json
import os
import sys
import urllib.request
import uuid

from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.workers.runner import WorkerRunner

TRANSFER = FunctionSchema(
    name="transfer_call",
    description="Gives the call to a person.",
    properties={"destination": {"type": "string", "enum": ["+15550100"]}},
    required=["destination"],
)


class Ear(FrameProcessor):
    """What a speech synthesiser would get."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""
        self.ended = asyncio.Event()
        self.spoke = asyncio.Event()

    def again(self) -> None:
        self.said = ""
        self.ended.clear()
        self.spoke.clear()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame):
            self.said += frame.text
            self.spoke.set()
        if isinstance(frame, LLMFullResponseEndFrame):
            self.ended.set()
        await self.push_frame(frame, direction)


def kept(base: str, here: str) -> list[str]:
    with urllib.request.urlopen(f"{base}/conversations/{here}/messages") as answer:
        return [message["text"] for message in json.load(answer)["messages"]]


async def converse(base: str) -> str:
    here = str(uuid.uuid4())
    llm = OpenAILLMService(
        base_url=f"{base}/v1",
        api_key=os.environ.get("API_KEY", "none"),
        default_headers={"X-Conversation-Id": here},
        settings=OpenAILLMService.Settings(model="ngx", system_instruction="You are a pirate."),
    )
    called: list[dict[str, str]] = []

    async def transfer(params: FunctionCallParams) -> None:
        called.append(dict(params.arguments))

    llm.register_function("transfer_call", transfer)
    ear = Ear()
    worker = PipelineWorker(Pipeline([llm, ear]), cancel_on_idle_timeout=False)
    context = LLMContext(tools=ToolsSchema(standard_tools=[TRANSFER]))
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _started(_worker: object, _frame: object) -> None:
        started.set()

    async def turn(text: str, *, cut: bool = False) -> str:
        ear.again()
        context.add_message({"role": "user", "content": text})
        await worker.queue_frame(LLMContextFrame(context))
        async with asyncio.timeout(30):
            await (ear.spoke if cut else ear.ended).wait()
        if cut:
            await worker.queue_frame(InterruptionFrame())
            await asyncio.sleep(1)
        context.add_message({"role": "assistant", "content": ear.said})
        return ear.said

    async def talk() -> str:
        async with asyncio.timeout(30):
            await started.wait()
        said: list[str] = []
        for text in ("hi", "how much is it?", "what is included?"):
            said += [text, await turn(text)]
        assert all(said)
        found = await asyncio.to_thread(kept, base, here)
        assert [one.split() for one in found] == [one.split() for one in said], (found, said)
        cut = await turn("and how long does it take?", cut=True)
        assert 0 < len(cut) < len(said[-1]), cut
        said += ["and how long does it take?", cut, "sorry, go on please", await turn("sorry, go on please")]
        found = await asyncio.to_thread(kept, base, here)
        assert [one.split() for one in found] == [one.split() for one in said], (found, said)
        await turn("I want to talk to a person, please")
        async with asyncio.timeout(10):
            while not called:
                await asyncio.sleep(0.05)
        assert called == [{"destination": "+15550100"}], called
        await worker.queue_frame(EndFrame())
        return f"pipecat: 6 turns, a barge-in after {len(cut)} characters, transfer_call {called}"

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        return await talk()
    finally:
        await worker.cancel()
        await asyncio.wait({running}, timeout=10)


if __name__ == "__main__":
    print(asyncio.run(converse(sys.argv[1])))
