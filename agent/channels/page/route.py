"""``/``: a page to try a playbook on, one file that asks nobody but this server; and ``GET /playbooks``, what it can choose."""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from agent.access.caller import Permission
from agent.access.route import Guarded, needs
from agent.channels.conversations import GUARDED, agent_of
from agent.turn import Language
from prompts.playbook import Playbook
from prompts.texts import Text

LANGUAGES: tuple[Language, ...] = ("es", "en")
PAGE = files("agent.channels.page").joinpath("page.html").read_text("utf-8")

router = APIRouter()
guarded = APIRouter(tags=["conversations"], route_class=Guarded)


def policy(page: str) -> str:
    """The Content-Security-Policy that lets the page's own script and style run, and no other."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(page, 'script')}",
            f"style-src {_hashes(page, 'style')}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hashes(page: str, tag: str) -> str:
    blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digests = (hashlib.sha256(block.encode()).digest() for block in blocks)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


HEADERS = {"Content-Security-Policy": policy(PAGE), "Cache-Control": "no-cache"}


class Words(BaseModel):
    es: str
    en: str


class PlaybookEntry(BaseModel):
    """What a page shows of a business before anybody has spoken."""

    id: str
    name: str
    agent: str
    role: Words
    about: Words
    languages: list[Literal["es", "en"]]
    default_language: Literal["es", "en"]
    needs: dict[str, Words]


class PlaybooksResponse(BaseModel):
    default: str
    playbooks: list[PlaybookEntry]


@router.get("/", include_in_schema=False)
async def page() -> Response:
    return HTMLResponse(PAGE, headers=HEADERS)


@guarded.get(
    "/playbooks",
    openapi_extra=needs(Permission.READ_CONVERSATION),
    response_model=PlaybooksResponse,
    responses=GUARDED,
)
async def playbooks(request: Request) -> PlaybooksResponse:
    """The businesses that this server speaks for."""
    agent = agent_of(request)
    entries = [_entry(agent.shops[name].playbook) for name in sorted(agent.shops)]
    return PlaybooksResponse(default=agent.settings.default_playbook, playbooks=entries)


def _entry(playbook: Playbook) -> PlaybookEntry:
    return PlaybookEntry(
        id=playbook.id,
        name=playbook.company.name,
        agent=playbook.persona.name,
        role=_words(playbook.persona.role),
        about=_words(playbook.company.about),
        languages=list(LANGUAGES),
        default_language=playbook.default_language,
        needs={name: _words(need.label) for name, need in playbook.needs.items()},
    )


def _words(text: Text) -> Words:
    return Words(es=text.said_in("es"), en=text.said_in("en"))
