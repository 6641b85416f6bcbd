// AG-UI's HttpAgent (npm `@ag-ui/client`) holds a conversation: three turns, a handoff, a barge-in, an error.
// node chat_agui.mjs BASE_URL        EXPECT_INTERRUPTED=1: the server's model is slow, so the barge-in must cut the reply.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { HttpAgent } from "@ag-ui/client";

const base = process.argv[2].replace(/\/$/, "");
const threadId = randomUUID();
const agent = new HttpAgent({ url: `${base}/agui`, threadId });
const got = async (path) => (await fetch(`${base}${path}`)).json();
const custom = [];

async function say(text, subscriber = {}) {
  agent.addMessage({ id: randomUUID(), role: "user", content: text });
  return agent.runAgent({ forwardedProps: { locale: "en" } }, { onCustomEvent: ({ event }) => custom.push(event.name), ...subscriber });
}

for (const text of ["hi", "how much is it?"]) {
  const { newMessages } = await say(text);
  assert.equal(newMessages.length, 1);
  assert.equal(newMessages[0].role, "assistant");
  assert.ok(newMessages[0].content.length > 0);
}
assert.equal(agent.state.conversation.conversation_id, threadId);
assert.ok(agent.state.conversation.stage);

let heard = "";
await say("that is too expensive for me", {
  onTextMessageContentEvent: ({ event }) => {
    if (!heard) setTimeout(() => agent.abortRun(), 0);
    heard += event.delta;
  },
}).catch((error) => assert.match(String(error), /abort/i));
let rows = [];
for (let tries = 0; rows.length !== 6; tries++) {
  assert.ok(tries < 500, `the transcript has ${rows.length} messages`);
  await new Promise((done) => setTimeout(done, 20));
  rows = (await got(`/conversations/${threadId}/messages`)).messages;
}
const { response } = await got(`/conversations/${threadId}/turns/3`);
assert.ok(rows[5].text.startsWith(heard.trim()), `${rows[5].text} does not begin with ${heard}`);
if (process.env.EXPECT_INTERRUPTED) {
  assert.equal(response.interrupted, true);
  assert.equal(rows[5].text, heard.trim());
}

const { result } = await say("I want to talk to a person");
assert.equal(result.handoff, true);
assert.equal(agent.state.conversation.handoff, true);
assert.deepEqual(new Set(custom), new Set(["insights"]));

await assert.rejects(say(" "), /422.*RUN_ERROR.*messages: must not be empty/);
const { turns } = await got(`/conversations/${threadId}`);
console.log(`ok: ${turns} turns, barge-in ${response.interrupted ? "cut the reply" : "came after its end"}`);
