"""The chat page: what it is served with, and what a real browser makes of it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from agent.access.caller import Role
from agent.channels.page.route import PAGE, PlaybooksResponse, policy
from agent.settings import Settings
from server import Build
from tests.agent.access.doors import bearer, made
from tests.agent.channels.contract import exactly
from tests.agent.channels.parts import FIRST, PATIENT, SECOND, Told, at_once, building, settings_with
from tests.agent.channels.sockets import listening
from tests.browser import CHROMIUM, Page, browsing
from tests.conftest import serving

chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

LAST = "[...document.querySelectorAll('.said.agent .bubble')].at(-1)"
ANSWERED = "document.querySelectorAll('.said.agent .meta button').length === {}"


async def test_it_is_one_file_that_only_its_own_script_runs_in(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    [given] = answer.headers.get_list("content-security-policy")
    assert given == policy(answer.text)
    rules = dict(rule.split(" ", 1) for rule in given.split("; "))
    assert rules["default-src"] == "'none'" and rules["frame-ancestors"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert all(re.fullmatch(r"'sha256-[\w+/]{43}='", rules[kind]) for kind in ("script-src", "style-src"))
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_asks_nobody_else_and_reads_no_text_as_html() -> None:
    addresses = [found for found in re.findall(r"https?://[^\s\"')]+", PAGE) if found != "http://www.w3.org/2000/svg"]
    assert addresses == []
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|localStorage|\beval\(", PAGE)
    assert not re.search(r"\son\w+=|\sstyle=", PAGE)


async def test_the_playbooks_are_told_to_those_with_a_key(settings: Settings) -> None:
    keys = settings_with(settings, keys="required", rate_limit="")
    desk = await made(keys, Role.FRONT_END)
    async with serving(keys) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/playbooks")).status_code == 401
        found = exactly(PlaybooksResponse, await client.get("/playbooks", headers=bearer(desk)))
    assert found["default"] == "ngx"
    assert [playbook["id"] for playbook in found["playbooks"]] == ["ngx", "roofing"]
    assert all(playbook["languages"] == ["es", "en"] and playbook["needs"] for playbook in found["playbooks"])


@asynccontextmanager
async def opened(settings: Settings, build: Build, width: int = 1280) -> AsyncIterator[Page]:
    """The page in English, in a browser that has complained of nothing when all is over."""
    async with listening(settings, build) as server, browsing() as page:
        await page.size(width, 800)
        await page.open(str(server.base_url))
        await page.value("speak('en')")
        yield page
        assert page.problems == []
        assert all(url.startswith((str(server.base_url), "data:")) for url in page.requested), page.requested


async def say(page: Page, text: str) -> None:
    await page.until("document.querySelector('.welcome') || document.querySelector('.said')")
    await page.click("#text")
    await page.write(text)
    await page.press("Enter", 13, "\r")


@chromium
async def test_a_reply_is_read_while_it_is_written_and_its_reasons_stand_in_the_drawer(settings: Settings) -> None:
    writer = Told()
    async with opened(settings_with(settings, **PATIENT), building(writers=[writer])) as page:
        await say(page, "me parece muy caro")
        await page.until(f"{LAST}?.textContent.includes({FIRST!r})")
        assert not await page.value(f"{LAST}.textContent.includes({SECOND!r})")
        assert await page.value("document.querySelector('#send').disabled")
        writer.gate.set()
        await page.until(ANSWERED.format(1))
        assert (await page.value(f"{LAST}.textContent")).endswith(SECOND)
        assert (
            await page.value("document.querySelector('.said.customer .bubble').textContent")
            == "You: me parece muy caro"
        )
        await page.click(".said.agent .meta button")
        await page.until("!document.querySelector('#drawer').hidden")
        seen = await page.value("document.querySelector('#drawer').textContent")
        for title in ("Next best action", "Chance of buying", "Objections", "Price", "Total"):
            assert title in seen, seen
        await page.press("Escape", 27)
        await page.until("document.querySelector('#drawer').hidden")
        assert await page.value("document.activeElement.id") == "toggle"


@chromium
async def test_the_language_switch_changes_every_text_and_the_next_conversation(settings: Settings) -> None:
    async with opened(settings, building(writers=[])) as page:
        await say(page, "hi")
        await page.until(ANSWERED.format(1))
        await page.click("[data-language=es]")
        assert await page.value("document.documentElement.lang") == "es"
        for selector, text in (
            ("h1", "Agente de ventas"),
            (".meta button", "¿Por qué esta respuesta?"),
            ("#again", "Reiniciar"),
        ):
            assert await page.value(f"document.querySelector('{selector}').textContent") == text
        assert await page.value("document.querySelector('#text').placeholder") == "Escribe como cliente…"
        await page.click("#again")
        await page.until("document.querySelector('.welcome')")
        await page.click(".starters button")
        await page.until(ANSWERED.format(1))
        assert await page.value("state.turns[0].done.language") == "es"
        controls = "[...document.querySelectorAll('button, select, textarea, input')]"
        unnamed = f"{controls}.filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length))"
        assert await page.value(f"{unnamed}.length") == 0


@chromium
async def test_another_playbook_begins_another_conversation(settings: Settings) -> None:
    async with opened(settings, building(writers=[])) as page:
        await say(page, "hi")
        await page.until(ANSWERED.format(1))
        first = await page.value("state.conversation")
        await page.value(
            "(() => { const b = document.querySelector('#book'); b.value = 'roofing'; b.dispatchEvent(new Event('change')); })()"
        )
        assert await page.value("document.querySelectorAll('.said').length") == 0
        await say(page, "how much is a new roof?")
        await page.until(ANSWERED.format(1))
        assert await page.value("state.conversation") != first


@chromium
async def test_who_has_the_conversation_is_told_when_the_agent_keeps_silent(settings: Settings) -> None:
    async with opened(settings, building(writers=[])) as page:
        await say(page, "hi")
        await page.until(ANSWERED.format(1))
        await page.value(
            "asked(`conversations/${state.conversation}/takeover`, { method: 'POST', body: '{\"actor\":\"Eva\"}' }).then(() => 1)"
        )
        await say(page, "I want to talk to a real person, please")
        await page.until("state.turns[1]?.done && document.querySelector('.note')")
        notes = "[...document.querySelectorAll('.note')].map(note => note.textContent)"
        assert await page.value(notes) == ["A person has this conversation: the agent only advises."]


@chromium
async def test_what_a_model_or_a_person_writes_is_never_read_as_html(settings: Settings) -> None:
    attack = "<img src=x onerror=alert(1)><b>hola</b>"
    async with opened(settings, building(writers=[at_once(f"Gracias {attack}.", "¿Qué más?")])) as page:
        await say(page, attack)
        await page.until(ANSWERED.format(1))
        assert await page.value("document.querySelectorAll('#log img, #log b').length") == 0
        assert attack in await page.value("document.querySelector('.said.customer').textContent")


@chromium
@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_is_wider_than_the_screen(settings: Settings, width: int) -> None:
    async with opened(settings, building(writers=[]), width) as page:
        await say(page, "w" * 200)
        await page.until(ANSWERED.format(1))
        assert await page.value("document.documentElement.scrollWidth <= innerWidth && state.turns.length === 1")
        assert await page.value("document.querySelector('#book').getBoundingClientRect().width > 100")
        await page.click("#toggle")
        await page.until("!document.querySelector('#drawer').hidden")
        assert await page.value(
            "document.querySelector('#drawer').scrollWidth <= document.querySelector('#drawer').clientWidth"
        )
        assert "For the rep only" in await page.value("document.querySelector('#drawer').textContent")
        covers = width < 860
        assert await page.value("document.querySelector('#talk').inert") is covers
        await page.click("#close")
        assert not await page.value("document.querySelector('#talk').inert")


@chromium
async def test_a_key_is_asked_for_when_the_server_wants_one_and_stays_in_the_tab(settings: Settings) -> None:
    keys = settings_with(settings, keys="required", rate_limit="")
    desk = await made(keys, Role.FRONT_END)
    async with listening(keys, building(writers=[])) as server, browsing() as page:
        await page.open(str(server.base_url))
        await page.until("!document.querySelector('#key-form').hidden")
        for key in ("nonsense", desk.text):
            await page.click("#key")
            await page.write(key)
            await page.press("Enter", 13, "\r")
            if key == "nonsense":
                await page.until("document.querySelector('.note.bad')")
        await page.until("document.querySelector('#key-form').hidden")
        await page.until("document.querySelector('.welcome')")
        await say(page, "hola")
        await page.until(ANSWERED.format(1))
        assert await page.value("[localStorage.length, document.cookie, document.querySelector('#key').value]") == [
            0,
            "",
            "",
        ]
