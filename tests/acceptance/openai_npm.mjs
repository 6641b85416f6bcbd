// OpenAI's own client for JavaScript: three turns, a tool's call, and a customer who talks over the reply.
//
//     node openai_npm.mjs http://127.0.0.1:8000        (needs: npm install openai)
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import OpenAI from "openai";

const base = process.argv[2];
const here = randomUUID();
const client = new OpenAI({
  baseURL: `${base}/v1`,
  apiKey: process.env.API_KEY ?? "none",
  defaultHeaders: { "X-Conversation-Id": here },
});
const tools = [
  { type: "function", function: { name: "end_call", parameters: { type: "object", properties: { reason: { type: "string" } }, required: ["reason"] } } },
  { type: "function", function: { name: "transferCall", parameters: { type: "object", properties: { destination: { type: "string", enum: ["+15550100"] } }, required: ["destination"] } } },
];
const messages = [];
const kept = async () => (await (await fetch(`${base}/conversations/${here}/messages`)).json()).messages.map((m) => m.text);
const spoken = () => messages.filter((m) => m.role !== "tool").map((m) => m.content);

async function turn(text, { until } = {}) {
  messages.push({ role: "user", content: text });
  const stream = await client.chat.completions.create({ model: "ngx", messages, tools, stream: true, stream_options: { include_usage: true } });
  let said = "";
  const calls = [];
  for await (const chunk of stream) {
    const delta = chunk.choices[0]?.delta;
    said += delta?.content ?? "";
    for (const call of delta?.tool_calls ?? []) calls.push(call.function.name);
    if (until && until(said)) break; // closes the connection
  }
  messages.push({ role: "assistant", content: said });
  return { said, calls };
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.ok(models.includes("ngx"), "playbooks are models");

for (const text of ["hi", "how much is it?", "what is included?"]) {
  const { said } = await turn(text);
  assert.ok(said.length > 20, `an answer to ${text}`);
}
assert.deepEqual(await kept(), spoken(), "three turns are kept as they were spoken");

const whole = messages.at(-1).content;
const cut = await turn("and how long does it take?", { until: (said) => said.length > 0 });
assert.ok(cut.said.length < whole.length, "the reply was cut");
const after = await turn("sorry, go on please");
assert.ok(after.said.length > 0);
assert.deepEqual(await kept(), spoken(), "only what was sent counts as said");

const last = await turn("I want to talk to a person, please");
assert.deepEqual(last.calls, ["transferCall"], "a person takes over");
await assert.rejects(client.chat.completions.create({ model: "nope", messages }), (error) => error.status === 404 && error.code === "model_not_found");
console.log(`openai (npm): ${messages.length / 2} turns, a barge-in after ${cut.said.length} characters, ${last.calls}`);
