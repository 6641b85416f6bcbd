"""A platform's WebSocket: frames in, JSON out, an end with a code and a reason that say why.

Sockets are closed with 1012 (service restart) when the process ends, after the reply that is under way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from agent.access.admission import Admission
from agent.channels import errors
from agent.channels.voice.frames import NOT_ALLOWED, NOT_THE_DATA, BadFrame
from agent.errors import AgentError, Draining, StoreUnavailable, TurnsQueued
from agent.life import Life

log = structlog.get_logger(__name__)

UNEXPECTED, RESTART, LATER = 1011, 1012, 1013
LONGEST_REASON = 123
"""Bytes; what fits into a close frame."""
_CODES: Mapping[type[AgentError], int] = {Draining: RESTART, StoreUnavailable: LATER, TurnsQueued: LATER}


class Talk(Protocol):
    """One call's side of the conversation."""

    async def hear(self, text: str) -> None:
        """A frame. Raises ``BadFrame`` and ``AgentError``: the connection ends."""
        ...

    async def finish(self) -> None:
        """Returns when the reply that is under way was said."""
        ...

    async def hang_up(self) -> None:
        """The other side is gone."""
        ...


class Connection:
    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send(self, frame: Mapping[str, Any]) -> None:
        """Raises ``WebSocketDisconnect`` when nobody is there any more."""
        await self._websocket.send_text(orjson.dumps(frame).decode())

    async def key_holds(self) -> None:
        """Raises ``NotAuthenticated`` when the key it came with was revoked meanwhile."""
        admission: Admission = self._websocket.app.state.admission
        await admission.again(self._websocket.scope)

    async def refuse(self, error: AgentError) -> None:
        """Ends it because of what this product raises on purpose."""
        errors.agent_error_content(error)  # counts it
        await self.close(_CODES.get(type(error), NOT_ALLOWED if error.field else UNEXPECTED), str(error))

    async def fail(self, error: Exception) -> None:
        """Ends it because of what prevented an answer."""
        if isinstance(error, AgentError):
            await self.refuse(error)
        else:
            await self.close(UNEXPECTED, "something went wrong here")

    async def close(self, code: int, reason: str) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                short = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
                await self._websocket.close(code, short)

    async def attend(self, talk: Talk, begin: Callable[[], Awaitable[None]] | None = None) -> None:
        """Frame by frame, until one side ends it. The socket is accepted already; ``begin`` speaks first."""
        life: Life = self._websocket.app.state.life
        closing = asyncio.create_task(life.closing.wait())
        receiving = asyncio.create_task(self._receive())
        try:
            if begin is not None:
                await begin()
            while True:
                await asyncio.wait({closing, receiving}, return_when=asyncio.FIRST_COMPLETED)
                if closing.done():
                    await talk.finish()
                    await self.close(RESTART, "this process is ending; connect again, to another one")
                    return
                text = receiving.result()
                if text is None:
                    return
                receiving = asyncio.create_task(self._receive())
                await talk.hear(text)
        except BadFrame as bad:
            log.info("frame_refused", code=bad.code, why=bad.reason.partition(":")[0])
            await self.close(bad.code, bad.reason)
        except AgentError as error:
            await self.refuse(error)
        except WebSocketDisconnect:
            pass
        except Exception as error:
            errors.unexpected_content()  # counts it
            log.error("call_failed", error=type(error).__name__, exc_info=error)
            await self.fail(error)
        except asyncio.CancelledError:
            await self.close(RESTART, "this process is ending; connect again, to another one")
            raise
        finally:
            for task in (closing, receiving):
                task.cancel()
            await asyncio.shield(talk.hang_up())

    async def _receive(self) -> str | None:
        """The next frame; ``None`` at the end. Raises ``BadFrame`` for one that is not text."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        if text is None:
            raise BadFrame(NOT_THE_DATA, "frame: must be text, not binary")
        return text
