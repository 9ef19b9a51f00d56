// One person's chat in a browser: Microsoft's JavaScript client on the negotiated URL, the first argument. Prints a
// line of JSON for each thing that happens, and sends what it reads: a line of JSON is one message.
const { createInterface } = require("node:readline");
const { WebPubSubClient } = require("@azure/web-pubsub-client");

const client = new WebPubSubClient(process.argv[2]);
const say = (what) => console.log(JSON.stringify(what));
client.on("connected", () => say({ event: "connected", data: {} }));
client.on("group-message", (heard) => say(heard.message.data));
client.on("server-message", (heard) => say(heard.message.data));

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => client.sendEvent("message", JSON.parse(line), "json"));
lines.on("close", () => client.stop());
client.start();
