// `useChat`'s own logic (npm `ai`, without React) holds a conversation: three turns, a handoff, a barge-in, a repeat.
// node chat_ai_sdk.mjs BASE_URL        EXPECT_INTERRUPTED=1: the server's model is slow, so the barge-in must cut the reply.
import assert from "node:assert/strict";
import { AbstractChat, DefaultChatTransport, generateId } from "ai";

const base = process.argv[2].replace(/\/$/, "");

class State {
  messages = [];
  status = "ready";
  error = undefined;
  pushMessage = (message) => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = (value) => structuredClone(value);
}
class Chat extends AbstractChat {
  constructor(init) { super({ ...init, state: new State() }); }
}

const insights = [];
const id = generateId();
const chat = new Chat({
  id,
  transport: new DefaultChatTransport({ api: `${base}/api/chat`, body: { locale: "en" } }),
  onData: (part) => insights.push(part),
});
const textOf = (message) => message.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
const got = async (path) => (await fetch(`${base}${path}`)).json();

async function say(text) {
  await chat.sendMessage({ text });
  assert.equal(chat.status, "ready", String(chat.error));
  const last = chat.messages.at(-1);
  assert.equal(last.role, "assistant");
  assert.ok(textOf(last).length > 0);
  return last;
}

await say("hi");
await say("how much is it?");
const before = chat.messages.length;
const stored = async () => (await got(`/conversations/${id}/messages`)).messages;

// A barge-in: stop when the first words have come.
const talking = chat.sendMessage({ text: "that is too expensive for me" });
while (!(chat.messages.length === before + 2 && textOf(chat.messages.at(-1)))) await new Promise((done) => setTimeout(done, 1));
await chat.stop();
await talking;
const heard = textOf(chat.messages.at(-1));
let rows = [];
for (let tries = 0; rows.length !== 6; tries++) {
  assert.ok(tries < 500, `the transcript has ${rows.length} messages`);
  await new Promise((done) => setTimeout(done, 20));
  rows = await stored();
}
const { response } = await got(`/conversations/${id}/turns/3`);
assert.ok(rows[5].text.startsWith(heard.trim()), `${rows[5].text} does not begin with ${heard}`);
if (process.env.EXPECT_INTERRUPTED) {
  assert.equal(response.interrupted, true);
  assert.equal(rows[5].text, heard.trim());
}

const last = await say("I want to talk to a person");
assert.equal(last.metadata.handoff, true);
const turns = (await got(`/conversations/${id}`)).turns;
const was = textOf(last);
await chat.regenerate();
assert.equal(textOf(chat.messages.at(-1)), was);
assert.equal((await got(`/conversations/${id}`)).turns, turns);
assert.ok(insights.length >= 3 && insights.every((part) => part.type === "data-insights"));

await chat.sendMessage({ text: " " });
assert.equal(chat.status, "error");
assert.match(chat.error.message, /^messages: must not be empty$/);
console.log(`ok: ${turns} turns, barge-in ${response.interrupted ? "cut the reply" : "came after its end"}`);
