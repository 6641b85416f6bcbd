"""The HTTP server of the textbook. Settings come from the environment, as each worker reads them for itself."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field, SecretStr

from benchmarks.textbook.graph import SalesReply, build
from benchmarks.textbook.pipelines import load
from prompts import load_playbook, playbook_names

POOL_SIZE = 20


class Message(BaseModel):
    message: Annotated[str, Field(min_length=1, max_length=4_000)]
    playbook: str = "ngx"


class Answer(BaseModel):
    response: str
    talking_points: list[str]
    ml_insights: dict[str, Any]
    recommended_action: dict[str, Any]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    chat = ChatOpenAI(
        model="scripted",
        api_key=SecretStr("none"),
        base_url=os.environ["TEXTBOOK_MODEL_URL"],
        max_retries=0,
        timeout=60,
    )
    books = [load_playbook(name).book for name in playbook_names()]
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        os.environ["TEXTBOOK_DATABASE_URL"],
        min_size=POOL_SIZE,
        max_size=POOL_SIZE,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )
    async with pool:
        saver = AsyncPostgresSaver(pool)
        app.state.graph = build(
            chat.with_structured_output(SalesReply),
            load(Path(os.environ["TEXTBOOK_PIPELINES"])),
            {book.id: book for book in books},
            saver,
        )
        yield


app = FastAPI(title="Textbook sales agent", lifespan=lifespan)


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/conversations/{conversation_id}/message")
async def message(request: Request, conversation_id: str, body: Message) -> Answer:
    state = await request.app.state.graph.ainvoke(
        {"messages": [HumanMessage(body.message)], "playbook": body.playbook},
        {"configurable": {"thread_id": conversation_id}},
    )
    insights = {
        "objection": {"type": state["objection"], "probability": state["objection_probability"]},
        "need": {"type": state["need"], "probability": state["need_probability"]},
        "conversion_probability": state["conversion_probability"],
    }
    return Answer(
        response=state["messages"][-1].content,
        talking_points=state["talking_points"],
        ml_insights=insights,
        recommended_action={"type": state["action"], "reasons": state["reasons"]},
    )
